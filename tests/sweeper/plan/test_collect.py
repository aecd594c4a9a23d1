"""From a folder to images and duplicates."""

import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from datasets.errors import DataError
from sweeper.config.schema import DataSection, SyntheticSection
from sweeper.plan.collect import Collection, collect, label_ranking
from sweeper.plan.descriptions import Descriptions
from sweeper.store.store import Store
from tests.sweeper.folders import write_images


def collected(root: Path, tmp_path: Path) -> Collection:
    return collect(DataSection(path=str(root)), Store(str(tmp_path / "store")))


def test_an_unreadable_file_is_kept_with_its_problem_and_excluded(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 3, "b": 3})
    (root / "a" / "broken.png").write_bytes(b"no picture")
    found = collected(root, tmp_path)
    broken = found.manifest[found.manifest["path"] == "a/broken.png"]
    assert list(broken["problem"]) == ["cannot be read as an image: not an image"]
    assert len(found.manifest) == 7
    assert sorted(found.images["path"]) == [f"{c}/{i}.png" for c in "ab" for i in range(3)]


def test_an_unreadable_file_does_not_change_what_the_images_are(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 3, "b": 3})
    before = collected(root, tmp_path).hash
    (root / "a" / "broken.png").write_bytes(b"no picture")
    assert collected(root, tmp_path).hash == before


def test_a_class_of_unreadable_files_is_named(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 3, "b": 3, "c": 0})
    (root / "c" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="class 'c': 0 usable images of 1 files") as caught:
        collected(root, tmp_path)
    assert "\n" not in str(caught.value)


def test_the_strict_stop_at_an_unreadable_file(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 3, "b": 3})
    store, strict = Store(str(tmp_path / "store")), DataSection(path=str(root), on_error="stop")
    assert len(collect(strict, store).images) == 6
    (root / "a" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"data.on_error=stop: 1 of 7 files .*'a/broken.png'"):
        collect(strict, store)
    assert len(collect(DataSection(path=str(root)), store).images) == 6


def test_one_class_is_refused_with_what_was_seen(tmp_path: Path) -> None:
    root = write_images(tmp_path / "data", {"images": 4})
    (root / "labels.csv").touch()
    with pytest.raises(DataError, match=r"all 4 images are of one class, 'images' \(.*labels.csv"):
        collected(root, tmp_path)


def test_links_are_read_where_the_config_says_so(tmp_path: Path) -> None:
    blobs = write_images(tmp_path / "blobs", {"a": 3, "b": 3})
    for name in "ab":
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(3):
            link = tmp_path / "images" / name / f"{number}.png"
            link.symlink_to(blobs / name / f"{number}.png")
    data, store = DataSection(path=str(tmp_path / "images")), Store(str(tmp_path / "store"))
    with pytest.raises(DataError, match=r"'a/0.png' \(a link .* set data.follow_links=true"):
        collect(data, store)
    found = collect(data.model_copy(update={"follow_links": True}), store)
    assert found.hash == collected(blobs, tmp_path).hash


def test_a_store_among_the_class_folders_is_left_out(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 3, "b": 3})
    for _ in range(2):  # empty at first, then not
        found = collect(DataSection(path=str(root)), Store(str(root / "kept")))
        assert found.classes == ["a", "b"]
        assert [remark.text for remark in found.remarks] == ["kept/ (this run writes to it)"]


def test_equal_files_are_in_one_group(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 3, "b": 3})
    shutil.copy(root / "a" / "1.png", root / "b" / "twin.png")
    found = collected(root, tmp_path)
    assert len(found.duplicates) == 1
    group = found.images.set_index("path")["group"]
    assert group["a/1.png"] == group["b/twin.png"]
    assert group.nunique() == 6
    assert found.classes == ["a", "b"]


def test_synthetic_images_are_drawn_once_into_the_store(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    data = DataSection(synthetic=SyntheticSection(images_per_class=2))
    first = collect(data, store)
    drawn = {path: path.stat().st_mtime_ns for path in Path(first.root).rglob("*.jpg")}
    again = collect(data, store)
    assert len(drawn) == len(first.images) == 20
    assert {path: path.stat().st_mtime_ns for path in Path(again.root).rglob("*.jpg")} == drawn
    assert again.hash == first.hash


def test_synthetic_images_of_a_remote_store_are_fetched_by_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    data = DataSection(synthetic=SyntheticSection(images_per_class=2))
    fetched = collect(data, Store("mock://bucket/prefix"))
    assert Path(fetched.root).is_relative_to(tmp_path / "cache")
    assert fetched.remote is not None
    assert fetched.hash == collect(data, Store(str(tmp_path / "store"))).hash


@pytest.mark.parametrize("address", ["store", "mock://bucket/prefix"])
def test_a_zip_is_unpacked_once_into_the_store_and_is_what_its_folder_was(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    folder = write_images(tmp_path / "bones", {"a": 4, "b": 4})
    (folder / "readme.txt").touch()
    packed = shutil.make_archive("packed", "zip", tmp_path, "bones")  # bones/a/0.png, ...
    store, data = Store(address), DataSection(path=packed, group_by=r"([012])\.png")
    found = collect(data, store)
    whole = collect(data.model_copy(update={"path": str(folder)}), store)
    pd.testing.assert_frame_equal(found.manifest, whole.manifest)
    pd.testing.assert_frame_equal(found.duplicates, whole.duplicates)
    assert (found.remote is not None, whole.remote) == (True, None)
    assert not Path(found.root).is_relative_to(folder)
    assert [remark.text for remark in found.remarks] == ["1 file without images (1 .txt)"]
    monkeypatch.setattr("sweeper.plan.image_source.unpack", lambda *_: 1 / 0)
    again = collect(data, store)
    assert (again.root, again.hash) == (found.root, found.hash)


def test_a_zip_that_is_refused_leaves_nothing_in_the_store_and_is_called_by_its_name(
    tmp_path: Path,
) -> None:
    store = Store(str(tmp_path / "store"))
    for names, said in (
        (["a/1.png", "../1.png"], "is not a path inside the archive"),
        (["1.png"], "no class folder in it"),
    ):
        with zipfile.ZipFile(tmp_path / "bones.zip", "w") as archive:
            for name in names:
                archive.writestr(name, b"picture")
        with pytest.raises(DataError) as told:
            collect(DataSection(path=str(tmp_path / "bones.zip")), store)
        assert str(told.value).startswith(f"data.path='{tmp_path / 'bones.zip'}': ")
        assert said in str(told.value)
        if said.startswith("is"):
            assert not list((tmp_path / "store").rglob("*.png"))


@pytest.fixture(scope="module")
def with_copies(tmp_path_factory: pytest.TempPathFactory) -> tuple[DataSection, Store]:
    """Drawn radiographs, one in four of which has an altered copy."""
    options = SyntheticSection(images_per_class=4, near_duplicate_fraction=0.25)
    return DataSection(synthetic=options), Store(str(tmp_path_factory.mktemp("store")))


def test_near_copies_are_in_the_group_of_their_original(
    with_copies: tuple[DataSection, Store],
) -> None:
    found = collect(*with_copies)
    group = found.images.set_index("path")["group"]
    copies = [path for path in group.index if "-near-" in path]
    assert len(copies) == 10
    together = sum(group[path] == group[path.replace("-near-", "-")] for path in copies)
    assert together >= 9
    assert group.nunique() == len(group) - together
    assert set(found.duplicates["kind"]) == {"near"}


def test_pictures_are_looked_at_once_and_their_pairs_read_after_that(
    with_copies: tuple[DataSection, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = collect(*with_copies)

    def never(*arguments: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr("sweeper.plan.lookalikes.pictures_of", never)
    again = collect(*with_copies)
    pd.testing.assert_frame_equal(again.duplicates, before.duplicates)
    ranked = label_ranking(again, Descriptions(with_copies[1]))
    assert len(ranked) == len(again.images)


def test_near_copies_are_not_looked_for_where_that_is_switched_off(
    with_copies: tuple[DataSection, Store], tmp_path: Path
) -> None:
    data, store = with_copies
    off = collect(data.model_copy(update={"near_duplicates": False}), store)
    assert off.duplicates.empty
    assert off.images["group"].nunique() == len(off.images)


def test_a_group_file_that_lists_other_files_too_is_remarked_on(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 2, "b": 2})
    table = tmp_path / "known.csv"
    table.write_text("Path;Group\na/0.png;x\nb/0.png;x\nb/9.png;x\n")
    data = DataSection(path=str(root), group_by=str(table))
    found = collect(data, Store(str(tmp_path / "store")))
    assert ["1 of its 3 files is not" in one.text for one in found.remarks] == [True]
    assert found.images.set_index("path")["group"].nunique() == 3


def test_images_of_one_patient_are_in_one_group(tmp_path: Path) -> None:
    root = write_images(tmp_path / "images", {"a": 4, "b": 4})
    data = DataSection(path=str(root), group_by=r"([012])\.png")
    found = collect(data, Store(str(tmp_path / "store")))
    group = found.images.set_index("path")["group"]
    assert group["a/1.png"] == group["b/1.png"]
    assert group.nunique() == 5
    assert found.ungrouped == 2
    assert list(found.duplicates["kind"]) == ["user"] * 3
