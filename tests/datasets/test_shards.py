"""Shards written with Ray, compared with the same steps done directly."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyarrow.fs import FileSystem, LocalFileSystem, SubTreeFileSystem
from pydicom.uid import JPEGLosslessSV1

from datasets import shards
from datasets.augment import augment
from datasets.decoding.decode import decode_image
from datasets.errors import DataError
from datasets.file_sums import FileSum
from datasets.manifest import build_manifest
from datasets.preprocess import Preprocessing, preprocess
from datasets.shards import consecutive_rows, read_images, read_rows, read_shards, write_shards
from datasets.sources import list_folder
from datasets.stored_folder import StoredFolder
from tests.datasets.decoding.dicom_files import compressed, ramp

IMAGES, SIDE, COPIES = 21, 32, 2
ROWS = IMAGES * (COPIES + 1)

pytestmark = pytest.mark.usefixtures("ray_session")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of several sizes, one of them DICOM; the last has the bytes of the first."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for number in range(IMAGES):
        pixels = generator.integers(40, 200, (20 + number, 50 - number, 3), dtype=np.uint8)
        path = folder / "ab"[number % 2] / f"{number:02d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    (folder / "b/03.png").unlink()
    (folder / "b/IM03").write_bytes(compressed(ramp(), JPEGLosslessSV1, BitsStored=12))
    (folder / "a/20.png").write_bytes((folder / "a/00.png").read_bytes())
    return folder


@pytest.fixture(scope="module")
def manifest(root: Path) -> pd.DataFrame:
    return build_manifest(str(root), list_folder(str(root)))


@pytest.fixture(scope="module")
def filesystem(tmp_path_factory: pytest.TempPathFactory) -> FileSystem:
    return SubTreeFileSystem(str(tmp_path_factory.mktemp("store")), LocalFileSystem())


def _write(
    manifest: pd.DataFrame, root: Path, out: str, filesystem: FileSystem, copies: int = COPIES
) -> tuple[int, list[int]]:
    seen: list[int] = []
    written = write_shards(
        manifest,
        str(root),
        out,
        filesystem,
        preprocessing=Preprocessing(SIDE),
        copies=copies,
        on_progress=seen.append,
    )
    paths = shards.shard_paths(out, filesystem)
    sums = {path.rpartition("/")[2]: FileSum.of(_bytes(path, filesystem)) for path in paths}
    assert written.sums == sums
    return written.rows, seen


def _bytes(path: str, filesystem: FileSystem) -> bytes:
    with filesystem.open_input_stream(path) as stream:
        return bytes(stream.read())


@pytest.fixture(scope="module")
def written(manifest: pd.DataFrame, root: Path, filesystem: FileSystem) -> tuple[int, list[int]]:
    return _write(manifest, root, "deep/shards", filesystem)


def _direct(manifest: pd.DataFrame, root: Path, image_id: str, copy: int) -> np.ndarray:
    path = manifest.set_index("image_id").loc[image_id, "path"]
    image = preprocess(decode_image((root / str(path)).read_bytes()), Preprocessing(SIDE))
    return augment(image, image_id, copy)


def test_every_copy_of_every_image_is_written_with_the_pixels_made_directly(
    manifest: pd.DataFrame, root: Path, filesystem: FileSystem, written: tuple[int, list[int]]
) -> None:
    table, pixels = read_shards("deep/shards", filesystem)
    assert written[0] == len(table) == ROWS
    expected = [(i, copy) for i in sorted(manifest["image_id"]) for copy in range(COPIES + 1)]
    assert list(zip(table["image_id"], table["copy"], strict=True)) == expected
    assert (pixels.shape, pixels.dtype) == ((ROWS, SIDE, SIDE, 3), np.uint8)
    for (image_id, copy), image in zip(expected, pixels, strict=True):
        np.testing.assert_array_equal(image, _direct(manifest, root, image_id, copy))


def test_images_of_a_store_give_the_same_shards(
    manifest: pd.DataFrame, root: Path, filesystem: FileSystem, written: tuple[int, list[int]]
) -> None:
    away = SubTreeFileSystem(str(root.parent), LocalFileSystem())
    write_shards(
        manifest,
        StoredFolder(root.name, away),
        "other/shards",
        filesystem,
        preprocessing=Preprocessing(SIDE),
        copies=COPIES,
    )
    np.testing.assert_array_equal(
        read_shards("other/shards", filesystem)[1], read_shards("deep/shards", filesystem)[1]
    )


def test_the_columns_are_as_documented(
    filesystem: FileSystem, written: tuple[int, list[int]]
) -> None:
    schema = pq.read_schema(shards.shard_paths("deep/shards", filesystem)[0], filesystem=filesystem)
    assert [str(field.type) for field in schema] == [
        "string",
        "int32",
        f"fixed_size_binary[{SIDE * SIDE * 3}]",
    ]
    assert schema.names == ["image_id", "copy", "pixels"]


def test_progress_counts_rows_up_to_all_of_them(written: tuple[int, list[int]]) -> None:
    _, seen = written
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == ROWS


def test_wanted_rows_are_returned_in_the_requested_order(
    manifest: pd.DataFrame, root: Path, filesystem: FileSystem, written: tuple[int, list[int]]
) -> None:
    ids = sorted(manifest["image_id"])
    wanted = [(ids[7], 2), (ids[0], 0), (ids[20], 1), (ids[7], 2), (ids[7], 0)]
    images = read_images("deep/shards", filesystem, wanted)
    for key, image in zip(wanted, images, strict=True):
        np.testing.assert_array_equal(image, _direct(manifest, root, *key))


def test_a_missing_row_is_an_error(
    manifest: pd.DataFrame, filesystem: FileSystem, written: tuple[int, list[int]]
) -> None:
    with pytest.raises(KeyError, match="1 rows are not in the shards"):
        read_images("deep/shards", filesystem, [(manifest["image_id"][0], COPIES + 1)])


def test_leftovers_of_a_killed_run_are_not_counted(
    manifest: pd.DataFrame, root: Path, filesystem: FileSystem
) -> None:
    _write(manifest[:5], root, "again", filesystem, copies=0)
    rows, _ = _write(manifest[5:], root, "again", filesystem, copies=0)
    assert rows == IMAGES - 5


def test_a_missing_row_is_never_ignored(
    manifest: pd.DataFrame, root: Path, filesystem: FileSystem
) -> None:
    twice = pd.concat(
        [manifest[:3], manifest[:1]]
    )  # two shards of one name: one overwrites the other
    with pytest.raises(RuntimeError, match="hold 3 rows, expected 4"):
        _write(twice, root, "lost", filesystem, copies=0)


def test_a_changed_or_missing_file_is_a_data_error(
    manifest: pd.DataFrame, root: Path, filesystem: FileSystem
) -> None:
    swapped = manifest.assign(path=manifest["path"].to_list()[::-1])
    with pytest.raises(DataError, match="has changed since the images were listed"):
        _write(swapped, root, "changed", filesystem)
    with pytest.raises(DataError, match="cannot be opened"):
        _write(manifest.assign(path="gone.png"), root, "gone", filesystem)


def test_pixels_of_a_slice_of_a_column_are_those_of_the_slice() -> None:
    rows = [bytes([i, i + 1, i + 2]) for i in range(6)]
    column = pa.chunked_array([pa.array(rows[:3], pa.binary(3)), pa.array(rows[3:], pa.binary(3))])
    for part in (column, column.slice(1, 1), column.slice(2, 3)):
        expected = [value for row in part.to_pylist() for value in row]
        assert shards.pixels_of(pa.table({"pixels": part})).ravel().tolist() == expected


@pytest.mark.parametrize("count", [1, 7, 32, 1000])
def test_consecutive_rows_are_all_rows_in_their_order(tmp_path: Path, count: int) -> None:
    """Whatever row groups and shards they are in."""
    local, ids = LocalFileSystem(), [f"{number:03d}" for number in range(60)]
    for name, first, last, group in (("a", 0, 29, 8), ("b", 29, 30, 8), ("c", 30, 60, 11)):
        pixels = pa.array([bytes([number] * 3) for number in range(first, last)], pa.binary(3))
        table = pa.table({"image_id": ids[first:last], "copy": [0] * len(pixels), "pixels": pixels})
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=group)
    units = consecutive_rows(str(tmp_path), local, count)
    tables = [read_rows(unit, local) for unit in units]
    assert [len(table) for table in tables[:-1]] == [count] * (len(tables) - 1)
    assert [one for table in tables for one in table["image_id"].to_pylist()] == ids
    found = np.concatenate([shards.pixels_of(table) for table in tables])
    assert found[:, 0, 0, 2].tolist() == list(range(60))
