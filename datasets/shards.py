"""Preprocess images, make their augmented copies, and write both to Parquet shards with Ray Data.

One row is one copy of one image: image_id (string), copy (int32), pixels (fixed-size binary of
N*N*3 bytes, uint8, C order of (N, N, 3)). The task that computes a shard also writes it, one row
group at a time: no pixel passes through Ray's object store, memory per task stays at some 10 MB,
and a retried task overwrites its own file, so that no row appears twice.
"""

import hashlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow.fs import FileSelector, FileSystem

from datasets.augment import FEC_IGE, Augmentation, augment
from datasets.decoding.decode import decode_image, read_file
from datasets.errors import DataError
from datasets.file_sums import FileSum, SummedFile
from datasets.preprocess import Preprocessing, preprocess
from datasets.ray_data import prepare_ray_data
from datasets.stored_folder import StoredFolder

SHARDS_VERSION = 2
_IMAGES_PER_SHARD = 64
_MIN_SHARDS = 8  # so that a small data set still uses several processors
_RETRIES = 3  # of a task whose process died; Ray's default is unlimited
_ROWS_PER_GROUP = 32  # the unit of a filtered read: 4.8 MB at 224 px
_FOOTERS_AT_ONCE = 16  # of shards, each two requests to a bucket

Pixels = NDArray[np.uint8]


class ShardRows(NamedTuple):
    """Consecutive rows of one shard file."""

    path: str
    start: int
    stop: int


class WrittenShards(NamedTuple):
    """The rows of all shards, and the sums of their files by name, from the tasks that wrote
    them."""

    rows: int
    sums: dict[str, FileSum]


def write_shards(
    manifest: pd.DataFrame,
    root: str | os.PathLike[str] | StoredFolder,
    out: str,
    filesystem: FileSystem,
    *,
    preprocessing: Preprocessing,
    copies: int,
    augmentation: Augmentation = FEC_IGE,
    on_progress: Callable[[int], None] | None = None,
) -> WrittenShards:
    """Decode, preprocess and augment every image, and write the results as Parquet shards.

    Ray must be running, and its workers must be able to import `datasets` and read `root`.

    Args:
        manifest: columns image_id, path; usable rows only.
        root: the folder that the paths are relative to, on each worker's machine or in a store.
        out: a folder inside `filesystem`; Parquet files left there by a killed run are removed.
        filesystem: local or remote; it is sent to the workers.
        preprocessing: what is done to every image; its `image_size` is N.
        copies: augmented copies per image (K).
        augmentation: the transforms of a copy.
        on_progress: called on the driver with the rows written so far, after each shard.

    Returns:
        What was written: len(manifest) * (copies + 1) rows.

    Raises:
        RuntimeError: the shards have another number of rows.
        DataError: a file that is missing or has changed since the manifest was built.
    """
    _remove_shards(out, filesystem)
    write_one = partial(
        _try_to_write_shard,
        root=root,
        out=out,
        filesystem=filesystem,
        preprocessing=preprocessing,
        copies=copies,
        augmentation=augmentation,
    )
    shards: dict[str, int] = {}
    sums: dict[str, FileSum] = {}
    for row in _run(manifest, write_one):
        shards[row["name"]], sums[row["name"]] = row["rows"], FileSum(row["size"], row["sha256"])
        if on_progress is not None:
            on_progress(sum(shards.values()))
    _check_rows(shards, shard_paths(out, filesystem), out, len(manifest) * (copies + 1))
    return WrittenShards(sum(shards.values()), sums)


def read_shards(path: str, filesystem: FileSystem) -> tuple[pd.DataFrame, Pixels]:
    """Read all shards of a folder into memory.

    Returns:
        The table image_id, copy, sorted by both, and its pixels, (R, N, N, 3) uint8.
    """
    table = _dataset(path, filesystem).to_table()
    rows = table.select(["image_id", "copy"]).to_pandas().sort_values(["image_id", "copy"])
    return rows.reset_index(drop=True), pixels_of(table)[rows.index.to_numpy()]


def read_images(path: str, filesystem: FileSystem, wanted: list[tuple[str, int]]) -> Pixels:
    """Read some rows, from the row groups that may contain them.

    Args:
        path: the folder of the shards, inside `filesystem`.
        filesystem: the file system of `path`.
        wanted: (image_id, copy) in the order of the result; repeats are allowed.

    Returns:
        (len(wanted), N, N, 3) uint8.

    Raises:
        KeyError: a row that is not in the shards.
    """
    field = pyarrow.dataset.field
    condition = field("image_id").isin(sorted({image_id for image_id, _ in wanted}))
    condition &= field("copy").isin(pa.array(sorted({copy for _, copy in wanted}), pa.int32()))
    table = _dataset(path, filesystem).to_table(filter=condition)
    keys = zip(table["image_id"].to_pylist(), table["copy"].to_pylist(), strict=True)
    row_of = {key: row for row, key in enumerate(keys)}
    missing = [key for key in wanted if key not in row_of]
    if missing:
        raise KeyError(f"{len(missing)} rows are not in the shards of {path!r}: {missing[:3]} ...")
    return pixels_of(table)[[row_of[key] for key in wanted]]


def consecutive_rows(path: str, filesystem: FileSystem, count: int) -> list[list[ShardRows]]:
    """All rows of a folder of shards in their order, `count` at a time; the last are fewer."""
    paths = shard_paths(path, filesystem)
    with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as reading:
        lengths = list(reading.map(partial(_length, filesystem=filesystem), paths))
    found: list[list[ShardRows]] = []
    room = 0  # of the last entry
    for shard, length in zip(paths, lengths, strict=True):
        start = 0
        while start < length:
            if not room:
                found.append([])
                room = count
            stop = min(length, start + room)
            found[-1].append(ShardRows(shard, start, stop))
            room, start = room - (stop - start), stop
    return found


def _length(shard: str, filesystem: FileSystem) -> int:
    return int(pq.read_metadata(shard, filesystem=filesystem).num_rows)


def read_rows(wanted: Sequence[ShardRows], filesystem: FileSystem) -> pa.Table:
    """The columns image_id, copy and pixels of some rows, from the row groups that hold them."""
    return pa.concat_tables([_read_rows(one, filesystem) for one in wanted])


def _read_rows(wanted: ShardRows, filesystem: FileSystem) -> pa.Table:
    with (
        filesystem.open_input_file(wanted.path) as source,
        pq.ParquetFile(source, pre_buffer=True) as file,
    ):
        lengths = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        starts = np.cumsum([0, *lengths])
        first = int(np.searchsorted(starts, wanted.start, "right")) - 1
        last = int(np.searchsorted(starts, wanted.stop, "left"))
        table = file.read_row_groups(list(range(first, last)), use_threads=False)
    return table.slice(wanted.start - int(starts[first]), wanted.stop - wanted.start)


def image_size_of(path: str, filesystem: FileSystem) -> int:
    """The side N, pixels, of the images in the shards of a folder."""
    return _side(_dataset(path, filesystem).schema)


def shard_paths(out: str, filesystem: FileSystem) -> list[str]:
    """The shard files in a folder, sorted."""
    infos = filesystem.get_file_info(FileSelector(out, allow_not_found=True))
    return sorted(info.path for info in infos if info.is_file and info.extension == "parquet")


def _run(
    manifest: pd.DataFrame, write_one: Callable[[pa.Table], pa.Table]
) -> Iterator[dict[str, Any]]:
    """Write one shard per Ray Data block; yields name, rows, size and sha256 of each."""
    import ray

    prepare_ray_data()
    images = manifest[["image_id", "path"]].sort_values("image_id", ignore_index=True)
    size = max(1, min(_IMAGES_PER_SHARD, math.ceil(len(images) / _MIN_SHARDS)))
    blocks = [
        pa.Table.from_pandas(images.iloc[start : start + size], preserve_index=False)
        for start in range(0, len(images), size)
    ]
    shards = ray.data.from_arrow(blocks).map_batches(
        write_one,
        batch_size=None,
        batch_format="pyarrow",
        ray_remote_args_fn=lambda: {"max_retries": _RETRIES},
    )
    for row in shards.iter_rows():
        if row["problem"]:
            raise DataError(row["problem"])
        yield row


def _try_to_write_shard(images: pa.Table, **settings: Any) -> pa.Table:
    """Return a user error as a value: Ray would wrap an exception in its own."""
    name, rows, found, problem = "", 0, FileSum(0, ""), ""
    try:
        name, rows, found = _write_shard(images, **settings)
    except DataError as error:
        problem = str(error)
    columns = {"name": name, "rows": rows, **found._asdict(), "problem": problem}
    return pa.table({column: [value] for column, value in columns.items()})


def _write_shard(
    images: pa.Table,
    *,
    root: str | os.PathLike[str] | StoredFolder,
    out: str,
    filesystem: FileSystem,
    preprocessing: Preprocessing,
    copies: int,
    augmentation: Augmentation = FEC_IGE,
) -> tuple[str, int, FileSum]:
    """Write one shard, named after its first image, in a Ray worker. Returns its name, its rows
    and the sum of its file."""
    cv2.setNumThreads(1)  # the task has one CPU
    files = list(zip(images["image_id"].to_pylist(), images["path"].to_pylist(), strict=True))
    step = max(1, _ROWS_PER_GROUP // (copies + 1))  # images per row group
    name, schema = f"{files[0][0]}.parquet", _schema(preprocessing.image_size)
    with (
        SummedFile(filesystem, f"{out.rstrip('/')}/{name}") as file,
        pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=False) as writer,
    ):
        for start in range(0, len(files), step):
            preprocessed = (
                (image_id, _preprocessed(root, path, image_id, preprocessing))
                for image_id, path in files[start : start + step]
            )
            rows = [
                {
                    "image_id": image_id,
                    "copy": copy,
                    "pixels": augment(image, image_id, copy, augmentation).tobytes(),
                }
                for image_id, image in preprocessed
                for copy in range(copies + 1)
            ]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return name, len(files) * (copies + 1), file.sum


def _preprocessed(
    root: str | os.PathLike[str] | StoredFolder,
    path: str,
    image_id: str,
    preprocessing: Preprocessing,
) -> Pixels:
    """Read, verify, decode and preprocess one file: (N, N, 3) uint8."""
    shown = path if isinstance(root, StoredFolder) else os.path.join(root, path)
    try:
        data = root.read(path) if isinstance(root, StoredFolder) else read_file(shown)
    except DataError as error:
        raise DataError(f"{shown!r}: {error}") from error
    if hashlib.sha256(data).hexdigest() != image_id.partition("-")[0]:
        raise DataError(f"{shown!r} has changed since the images were listed; run again")
    return preprocess(decode_image(data), preprocessing)


def _schema(image_size: int) -> pa.Schema:
    pixels = pa.binary(image_size * image_size * 3)
    return pa.schema([("image_id", pa.string()), ("copy", pa.int32()), ("pixels", pixels)])


def pixels_of(table: pa.Table) -> Pixels:
    """The pixels column as (R, N, N, 3) uint8."""
    side = _side(table.schema)
    width = 3 * side * side
    chunks = [
        np.frombuffer(chunk.buffers()[1], np.uint8, len(chunk) * width, chunk.offset * width)
        for chunk in table["pixels"].chunks
        if len(chunk)
    ]
    flat = np.concatenate(chunks) if chunks else np.empty(0, np.uint8)
    return flat.reshape(-1, side, side, 3)


def _side(schema: pa.Schema) -> int:
    return math.isqrt(schema.field("pixels").type.byte_width // 3)


def _dataset(path: str, filesystem: FileSystem) -> Any:
    return pyarrow.dataset.dataset(path, filesystem=filesystem, format="parquet")


def _remove_shards(out: str, filesystem: FileSystem) -> None:
    filesystem.create_dir(out, recursive=True)
    for path in shard_paths(out, filesystem):
        filesystem.delete_file(path)


def _check_rows(shards: Mapping[str, int], paths: Sequence[str], out: str, expected: int) -> None:
    """Compare the rows of the shards that are there with those expected."""
    rows = sum(shards.get(path.rpartition("/")[2], 0) for path in paths)
    if rows != expected:
        raise RuntimeError(f"the shards in {out!r} hold {rows} rows, expected {expected}")
