"""Images from a bucket, a table or archives give the same splits and trials as their folder."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from datasets.containers.image_files import write_images as write_images_of
from datasets.containers.place import Place
from datasets.drawn.synthetic import write_synthetic
from datasets.errors import DataError
from datasets.file_sums import FileSum
from sweeper.audit.audit import run_audit
from sweeper.config.load import load_config
from sweeper.config.schema import DataSection
from sweeper.plan import brought
from sweeper.plan.collect import collect
from sweeper.plan.plan import Plan
from sweeper.plan.references import references
from sweeper.run.caches import Caches
from sweeper.store.address import name_of, without_credentials
from sweeper.store.store import Store
from tests.datasets.containers.write_containers import (
    rows_of,
    write_saved,
    write_shards,
    write_snapshot,
    write_table,
    write_tar,
)
from tests.sweeper.conftest import Bucket
from tests.sweeper.folders import write_config, write_images

Upload = Callable[[Path], str]


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of these tests are not written again within the steps of their times."""
    monkeypatch.setattr(brought, "SETTLED_S", 0.0)


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def upload(s3_bucket: Bucket) -> Upload:
    """Copies a file or folder into a bucket of its own; returns its address."""

    def copy(path: Path) -> str:
        start, _, options = s3_bucket().partition("?")
        filesystem, root = _s3(f"{start}?{options}")
        files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
        for file in files:
            name = path.name if path.is_file() else file.relative_to(path).as_posix()
            with filesystem.open_output_stream(f"{root}/{name}") as stream:
                stream.write(file.read_bytes())
        return f"{start}/{path.name}?{options}" if path.is_file() else f"{start}?{options}"

    return copy


def _s3(address: str) -> tuple[pafs.FileSystem, str]:
    store = Store(address)
    return store.filesystem, store.root


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn radiographs in class folders: some twice, some with an altered copy."""
    folder = tmp_path_factory.mktemp("drawn") / "images"
    folder.mkdir()
    write_synthetic(folder, 4, 0, duplicate_fraction=0.25, near_duplicate_fraction=0.25)
    return folder


def _folder(drawn: Path, at: Path) -> Path:
    return drawn


def _table(drawn: Path, at: Path) -> Path:
    return write_table(rows_of(drawn), at / "images.parquet")


def _shards(drawn: Path, at: Path) -> Path:
    return write_shards(rows_of(drawn), at / "shards")


def _snapshot(drawn: Path, at: Path) -> Path:
    return write_snapshot(rows_of(drawn), at / "snapshot")


def _saved(drawn: Path, at: Path) -> Path:
    return write_saved(rows_of(drawn), at / "saved")


def _packed(drawn: Path, at: Path) -> Path:
    return write_tar({row["path"]: row["bytes"] for row in rows_of(drawn)}, at / "images.tar")


def _zipped(drawn: Path, at: Path) -> Path:
    return Path(shutil.make_archive(str(at / "images"), "zip", drawn))


SHAPES = (_folder, _table, _shards, _snapshot, _saved, _packed, _zipped)


def planned(images: str, folder: Path, store: Store) -> Plan:
    config = load_config(
        write_config(folder, Path("unused")),
        [f"data.path={images}", "split.policies=[pooled, grouped]", "grid.strategies=[transfer]"],
    )
    return Plan(config, collect(config.data, store), store)


@pytest.fixture(scope="module")
def expected(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Store]:
    folder = tmp_path_factory.mktemp("expected")
    store = Store(str(folder / "store"))
    return planned(str(drawn), folder, store), store


@pytest.mark.parametrize("in_bucket", [False, True], ids=["disk", "s3"])
@pytest.mark.parametrize("shape", SHAPES, ids=[one.__name__[1:] for one in SHAPES])
def test_the_same_images_give_the_same_splits_and_trials_in_every_shape(
    shape: Callable[[Path, Path], Path],
    in_bucket: bool,
    drawn: Path,
    expected: tuple[Plan, Store],
    upload: Upload,
    tmp_path: Path,
    decoded: list[str],
) -> None:
    plain, store = expected
    path = shape(drawn, tmp_path)
    plan = planned(upload(path) if in_bucket else str(path), tmp_path, store)
    assert decoded == []  # contents are known, whatever brings them
    assert plan.collection.hash == plain.collection.hash
    assert plan.cells == plain.cells
    assert plan.splits.keys() == plain.splits.keys()
    for name, split in plan.splits.items():
        pd.testing.assert_frame_equal(split.rows, plain.splits[name].rows)
    keys = [
        [spec.key for cell in one.cells for spec in one.trials(cell, None)] for one in (plan, plain)
    ]
    assert keys[0] == keys[1] != []
    kinds = plan.collection.duplicates["kind"].value_counts().to_dict()
    assert kinds == plain.collection.duplicates["kind"].value_counts().to_dict()
    assert set(kinds) == {"exact", "near"}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of places that are read from now on."""
    paths: list[str] = []
    whole = Place.open

    def opened(place: Place, path: str) -> Any:
        paths.append(path)
        return whole(place, path)

    monkeypatch.setattr(Place, "open", opened)
    return paths


@pytest.mark.parametrize("in_bucket", [False, True], ids=["local store", "store on s3"])
def test_a_second_start_reads_nothing_and_a_change_is_noticed(
    in_bucket: bool, tmp_path: Path, upload: Upload, s3_bucket: Bucket, reads: list[str]
) -> None:
    images = write_images(tmp_path / "images", {"a": 4, "b": 4})
    address = upload(images)
    where = s3_bucket() if in_bucket else str(tmp_path / "store")
    first = collect(DataSection(path=address), Store(where))
    assert len(reads) == 8
    assert first.remote is not None
    reads.clear()
    again = collect(DataSection(path=address), Store(where))
    assert reads == []
    pd.testing.assert_frame_equal(again.manifest, first.manifest)
    filesystem, root = _s3(address)
    with filesystem.open_output_stream(f"{root}/a/9.png") as stream:
        stream.write((images / "a" / "0.png").read_bytes() + b"more")
    assert len(collect(DataSection(path=address), Store(where)).images) == 9
    assert len(reads) == 9


def test_workers_read_single_files_of_the_store(
    tmp_path: Path, upload: Upload, s3_bucket: Bucket
) -> None:
    images = write_images(tmp_path / "images", {"a": 3, "b": 3})
    found = collect(DataSection(path=upload(images)), Store(s3_bucket()))
    shutil.rmtree(tmp_path / "cache")  # as on another machine
    assert found.remote is not None
    assert found.remote.read("a/1.png") == (images / "a" / "1.png").read_bytes()
    assert not (tmp_path / "cache").exists()
    with pytest.raises(DataError, match="cannot be opened"):
        found.remote.read("a/7.png")


def test_what_is_brought_is_fetched_and_hashed_once(
    tmp_path: Path, upload: Upload, s3_bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket of the store is written, and not read again by the machine that wrote it."""
    address = upload(write_images(tmp_path / "images", {"a": 3, "b": 3}))
    store = Store(s3_bucket())
    monkeypatch.setattr("trainables.machine_cache._fetch", lambda *_: 1 / 0)
    monkeypatch.setattr("sweeper.store.sums._sum", _not_of_images)
    assert len(collect(DataSection(path=address), store).images) == 6


def _not_of_images(filesystem: pafs.FileSystem, path: str) -> Any:
    assert "/images/" not in path
    with filesystem.open_input_stream(path) as stream:
        return FileSum.of(stream.read())


def test_pruning_keeps_the_images_of_a_config(tmp_path: Path, upload: Upload) -> None:
    address = upload(write_images(tmp_path / "images", {"a": 6, "b": 6}))
    store = Store(str(tmp_path / "store"))
    plan = planned(address, tmp_path, store)
    (key,) = store.keys("images")
    assert ("images", key) in references(plan)


def test_a_store_in_the_folder_of_images_is_not_an_image(tmp_path: Path, upload: Upload) -> None:
    address = upload(write_images(tmp_path / "images", {"a": 3, "b": 3}))
    store = Store(address.replace("?", "/kept?"))
    for _ in range(2):
        found = collect(DataSection(path=address), store)
        assert sorted(found.manifest["path"]) == [f"{c}/{n}.png" for c in "ab" for n in range(3)]


# --- tables of labels, groups, layers, masks, other files -----------------------------------------


def test_a_table_of_labels_and_a_group_file_work_on_a_bucket(
    tmp_path: Path, upload: Upload
) -> None:
    images = write_images(tmp_path / "scans", {"all": 8})
    names = [f"all/{number}.png" for number in range(8)]
    labels = pd.DataFrame({"path": names, "label": ["x", "y"] * 4, "age": range(8)})
    labels.to_csv(tmp_path / "labels.csv", index=False)
    groups = pd.DataFrame({"path": names, "group": [number // 2 for number in range(8)]})
    groups.to_csv(tmp_path / "groups.csv", index=False)
    data = DataSection(
        path=upload(images),
        labels=str(tmp_path / "labels.csv"),
        group_by=str(tmp_path / "groups.csv"),
    )
    found = collect(data, Store(str(tmp_path / "store")))
    assert found.classes == ["x", "y"]
    assert found.images.groupby("group").size().to_list() == [2] * 4
    assert set(found.metadata["column"]) == {"age"}


def test_layers_masks_and_other_files_are_those_of_the_folder(
    tmp_path: Path, upload: Upload
) -> None:
    images = tmp_path / "images"
    for layer in ("train", "test"):
        write_images(images / layer, {"a": 3, "b": 3})
    shutil.copy(images / "train/a/1.png", images / "train/a/1_mask.png")
    (images / "train" / "a" / "IM0001").write_bytes((images / "train/a/0.png").read_bytes())
    (images / "train" / "a" / "x.nii.gz").write_bytes(b"volume" * 1000)
    (images / "readme.txt").touch()
    (images / "train" / ".hidden.png").touch()
    store = Store(str(tmp_path / "store"))
    local = collect(DataSection(path=str(images)), store)
    found = collect(DataSection(path=upload(images)), store)
    pd.testing.assert_frame_equal(found.manifest, local.manifest)
    assert [r.text for r in found.remarks] == [r.text for r in local.remarks]
    assert set(found.manifest["origin"]) == {"train", "test"}
    (copied,) = Path(found.root).rglob("*.nii.gz")
    assert copied.stat().st_size <= 1024


def test_columns_of_a_table_are_groups_parts_and_metadata(tmp_path: Path) -> None:
    images = rows_of(write_images(tmp_path / "images", {"a": 4, "b": 4}))
    columns = {
        "image": [row["bytes"] for row in images],
        "Label": [row["label"] for row in images],
        "group": [f"p{number % 4}" for number in range(8)],
        "split": ["train", "train", "test", "val"] * 2,
        "age": list(range(8)),
        "thumbnail_hash": [b"x"] * 8,
    }
    pq.write_table(pa.table(columns), tmp_path / "images.parquet")
    data = DataSection(path=str(tmp_path / "images.parquet"), image_column="image")
    found = collect(data, Store(str(tmp_path / "store")))
    assert found.images["origin"].value_counts().to_dict() == {"train": 4, "test": 2, "val": 2}
    assert found.images["group"].nunique() == 4
    assert set(found.metadata["column"]) == {"age"}


def test_the_files_of_a_snapshot_state_the_parts(tmp_path: Path) -> None:
    rows = rows_of(write_images(tmp_path / "images", {"a": 6, "b": 6}))
    snapshot = write_snapshot(rows, tmp_path / "snapshot")
    second = snapshot / "data" / "train-00001-of-00002.parquet"
    second.rename(snapshot / "data" / "test-00000-of-00001.parquet")
    found = collect(DataSection(path=str(snapshot)), Store(str(tmp_path / "store")))
    assert found.images["origin"].value_counts().to_dict() == {"train": 6, "test": 6}


def test_an_audit_of_a_table_lists_what_cannot_be_read(tmp_path: Path) -> None:
    rows = rows_of(write_images(tmp_path / "images", {"a": 5, "b": 5}))
    rows[0]["bytes"] = b"no picture"
    path = write_table(rows, tmp_path / "images.parquet")
    section = DataSection(path=str(path))
    findings = run_audit(section, tmp_path / "out", str(tmp_path / "store"), "audit")
    bad = findings.collection.manifest.query("problem != ''")
    assert bad["path"].to_list() == ["a/0.png"]
    assert bad["problem"].to_list() == ["cannot be read as an image: not an image"]
    assert (tmp_path / "out" / "audit.html").is_file()


# --- what is refused ------------------------------------------------------------------------------


def refusal(tmp_path: Path, path: str, **options: Any) -> str:
    store = Store(str(tmp_path / "store"))
    with pytest.raises(DataError) as caught:
        collect(DataSection(path=path, **options), store)
    assert store.keys("images") == []
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ftp://host/images", r"unknown scheme ftp://; expected s3://, gs://, abfss://"),
        ("https://host/images", r"unknown scheme https://; expected"),
        ("s3:///images", "no bucket; expected s3://bucket/prefix"),
        ("s3://key:secret@bucket/images", "must not contain credentials"),
        ("s3://bucket/images?regoin=x", "unknown option 'regoin'"),
    ],
)
def test_an_address_that_cannot_be_opened_is_one_line(
    tmp_path: Path, address: str, message: str
) -> None:
    line = refusal(tmp_path, address)
    assert line.startswith("data.path='")
    assert message in line


def test_a_missing_bucket_folder_or_image_is_one_line(
    tmp_path: Path, upload: Upload, s3_bucket: Bucket
) -> None:
    address = s3_bucket()
    assert "no such bucket" in refusal(tmp_path, address.replace("s3://bucket", "s3://no-bucket"))
    assert "no such file or folder" in refusal(tmp_path, address)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "readme.txt").write_text("words")
    assert "no image" in refusal(tmp_path, upload(tmp_path / "texts"))
    assert "a single file; expected a folder" in refusal(
        tmp_path, upload(tmp_path / "texts" / "readme.txt")
    )


def test_a_bucket_without_permission_is_one_line(
    tmp_path: Path, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.core import set_initial_no_auth_action_count

    address = upload(write_images(tmp_path / "images", {"a": 3, "b": 3}))
    line = set_initial_no_auth_action_count(0)(lambda: refusal(tmp_path, address))()
    assert "cannot be read from (S3 " in line


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"label": "x"}, {}, "no column with the bytes of image files; its columns are label; to"),
        ({"image": b"x", "name": "y"}, {}, "no column label; choose one of name by data.label"),
        ({"image": b"x", "label": "y"}, {"label": "kind"}, "no such column in data.path="),
        (
            {"left": b"x", "right": b"x", "label": "y"},
            {},
            "2 columns may hold the images (left, right); choose one by data.image_column",
        ),
        (
            {"image": b"x", "label": "y"},
            {"image_column": "img"},
            "no column 'img' for data.image_column; its columns are image, label",
        ),
        ({"image": b"x", "label": "y"}, {"image_column": "label"}, "holds string, not the bytes"),
        ({"image": b"x", "label": ["y", "z"]}, {}, "row 1: column label holds several labels"),
        ({"image": b"x", "label": "y", "weight": 1}, {}, "images cannot be weighted"),
        (
            {"image": {"bytes": None, "path": "/home/a/1.png"}, "label": "y"},
            {},
            "has the path '/home/a/1.png' but not the bytes of an image; save the dataset with",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line_that_names_its_columns(
    tmp_path: Path, columns: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    table = pa.table({name: [value, value] for name, value in columns.items()})
    if isinstance(columns.get("image"), dict):
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        table = table.set_column(0, "image", pa.array([columns["image"]] * 2, kind))
    pq.write_table(table, tmp_path / "images.parquet")
    store = Store(str(tmp_path / "store"))
    with pytest.raises(DataError) as caught:
        collect(DataSection(path=str(tmp_path / "images.parquet"), **options), store)
    assert str(caught.value).startswith(("data.path=", "data.label="))
    assert message in str(caught.value)


def test_columns_of_class_folders_are_refused(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", {"a": 3, "b": 3})
    assert "class folders have no columns" in refusal(tmp_path, str(images), label="dx")
    assert "has image files and no columns" in refusal(tmp_path, str(images), image_column="x")


def test_a_damaged_table_or_tar_leaves_nothing_in_the_store(tmp_path: Path, upload: Upload) -> None:
    rows = rows_of(write_images(tmp_path / "images", {"a": 4, "b": 4}))
    table = write_table(rows, tmp_path / "images.parquet")
    table.write_bytes(table.read_bytes()[:-100])
    assert "images.parquet: cannot be read (" in refusal(tmp_path, str(table))
    shards = write_shards(rows, tmp_path / "shards", 1)
    (shard,) = shards.iterdir()
    shard.write_bytes(shard.read_bytes()[:-20_000])
    for path in (str(shards), upload(shard)):
        line = refusal(tmp_path, path)
        assert "shard-000000.tar: " in line
        assert "copy it again" in line


def test_files_that_change_while_they_are_read_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(write_images(tmp_path / "images", {"a": 4, "b": 4}))
    table = write_table(rows, tmp_path / "images.parquet")
    written = write_images_of

    def touched(images: Iterator[Any], folder: Path, on_progress: Any) -> int:
        count = written(images, folder, on_progress)
        os.utime(table, (1, 1))
        return count

    monkeypatch.setattr(brought, "write_images", touched)
    assert "changed while they were read; run again" in refusal(tmp_path, str(table))


def test_a_file_is_read_when_its_times_are_settled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brought, "SETTLED_S", 0.6)
    rows = rows_of(write_images(tmp_path / "images", {"a": 3, "b": 3}))
    table = write_table(rows, tmp_path / "images.parquet")
    started = time.time()
    collect(DataSection(path=str(table)), Store(str(tmp_path / "store")))
    assert time.time() - table.stat().st_mtime >= 0.6
    assert time.time() - started < 30


def test_damaged_images_in_the_store_are_brought_again(tmp_path: Path) -> None:
    rows = rows_of(write_images(tmp_path / "images", {"a": 3, "b": 3}))
    data = DataSection(path=str(write_table(rows, tmp_path / "images.parquet")))
    store = Store(str(tmp_path / "store"))
    first = collect(data, store)
    (file,) = Path(first.root).rglob("a/0.png")
    file.unlink()
    again = collect(data, Store(store.address))
    assert again.hash == first.hash
    assert Path(again.root, "a/0.png").is_file()


def test_images_that_workers_find_damaged_are_brought_again_by_the_next_run(tmp_path: Path) -> None:
    rows = rows_of(write_images(tmp_path / "images", {"a": 3, "b": 3}))
    data = DataSection(path=str(write_table(rows, tmp_path / "images.parquet")))
    store = Store(str(tmp_path / "store"))
    found = collect(data, store)
    file = Path(found.root, "a", "0.png")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"x")  # of the same size
    caches: Any = SimpleNamespace(plan=SimpleNamespace(collection=found), store=store)
    with pytest.raises(DataError, match="has changed"), Caches._damage_found(caches):
        raise DataError("'a/0.png' has changed since the images were listed; run again")
    assert found.place is not None
    assert store.find(*found.place) is None
    assert Path(collect(data, Store(store.address)).root, "a", "0.png").read_bytes() == whole


def test_a_container_of_azure_is_no_credential_and_addresses_have_names() -> None:
    address = "abfss://images@account.dfs.core.windows.net/scans"
    assert without_credentials(address) == address
    assert "secret" not in without_credentials("abfss://images:secret@account.net/x")
    assert name_of(address) == "scans"
    assert name_of("s3://bucket/a/scans?region=x") == "scans"
    assert name_of("s3://bucket") == "bucket"


def test_a_local_uri_is_a_path(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", {"a": 3, "b": 3})
    assert DataSection(path=f"file://{images}").path == str(images)
