"""Read the images of Parquet and Arrow files, such as a snapshot of a Hugging Face dataset.

A row is an image: a column of encoded bytes, or of records {bytes, path} as `datasets` writes them,
and any further columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.containers.hugging_face import Features, features_of
from datasets.containers.image_files import EncodedImage
from datasets.containers.place import TABLES, Place
from datasets.errors import DataError
from datasets.layout.folder_names import named, part_of_layer

_INFO = "dataset_info.json"
_NAMED_BY = ("path", "file_name", "filename", "file")  # columns that may name a row's image
_USUAL = ("image", "img", "jpg", "png")
_LABELS = ("label", "class")
_SPLIT = "split"
_ROWS = 32  # read at once
_COUNTED = re.compile(r"[-_]?\d+(-of-\d+)?$")  # train-00000-of-00003


@dataclass(frozen=True)
class ImageTable:
    """Files with rows of images.

    Attributes:
        image: the column of the images.
        columns: the names of the others.
        label: the only column of class numbers, if none is called label or class; else None.
        part_of: train | val | test by file, if the names of all files state one and they differ.
    """

    place: Place
    paths: tuple[str, ...]
    image: str
    columns: tuple[str, ...]
    features: Features
    label: str | None
    part_of: dict[str, str]

    def images(self) -> Iterator[EncodedImage]:
        """All rows, in the order of the files. Raises DataError for a damaged file, one without
        the columns of the first, or an image of which only the path is there."""
        for path in self.paths:
            with _readable(path):
                for batch in _batches(self.place, path):
                    yield from self._rows_of(path, batch)

    def _rows_of(self, path: str, batch: pa.RecordBatch) -> Iterator[EncodedImage]:
        if self.image not in batch.schema.names:
            raise DataError(
                f"{path}: no column {self.image!r}; its columns are {named(batch.schema.names, 8)}"
            )
        kept = [
            field.name
            for field in batch.schema
            if field.name != self.image and not _holds_bytes(field.type)
        ]
        added = {_SPLIT: self.part_of[path]} if self.part_of and _SPLIT not in kept else {}
        columns = {name: batch.column(name).to_pylist() for name in kept}
        for row, cell in enumerate(batch.column(self.image).to_pylist()):
            known = {
                name: self.features.class_name(name, cells[row]) for name, cells in columns.items()
            }
            yield EncodedImage(self._name(cell, known), _bytes(path, cell), known | added)

    def _name(self, cell: Any, known: dict[str, Any]) -> str:
        inner = cell.get("path") if isinstance(cell, dict) else None
        names = [inner, *(known.get(name) for name in _NAMED_BY)]
        return next((name for name in names if isinstance(name, str) and name), "")


def find_table(place: Place, image_column: str | None = None) -> ImageTable:
    """The table in the Parquet or Arrow files of a place; reads the header of the first.

    Args:
        place: the place.
        image_column: the column of the images; None: the one that holds them.

    Raises:
        DataError: no column of images, several, or a file that cannot be read.
    """
    paths = tuple(file.path for file in place.of_kind(TABLES))
    with _readable(paths[0]):
        schema = _schema(place, paths[0])
        features = features_of(schema, _dataset_info(place, paths[0]))
    image = _image_column(schema, features, image_column)
    columns = tuple(name for name in schema.names if name != image)
    usual = {name.strip().casefold() for name in columns} & set(_LABELS)
    label = next(iter(features.classes), None) if len(features.classes) == 1 else None
    parts = {path: part for path in paths if (part := _part_of(path))}
    return ImageTable(
        place,
        paths,
        image,
        columns,
        features,
        None if usual else label,
        parts if len(parts) == len(paths) and len(set(parts.values())) > 1 else {},
    )


def _image_column(schema: pa.Schema, features: Features, wanted: str | None) -> str:
    columns = f"its columns are {named(schema.names, 8)}"
    if wanted is not None and wanted not in schema.names:
        raise DataError(f"no column {wanted!r} for data.image_column; {columns}")
    if wanted is not None and not _holds_bytes(schema.field(wanted).type):
        kind = schema.field(wanted).type
        raise DataError(
            f"column {wanted!r} (data.image_column) holds {kind}, not the bytes of image files"
        )
    if wanted is not None:
        return wanted
    holding = [field.name for field in schema if _holds_bytes(field.type)]
    found = [name for name in holding if name in features.images] or holding
    usual = [name for name in found if name.strip().casefold() in _USUAL]
    for certain in (found, usual):
        if len(certain) == 1:
            return str(certain[0])
    if not found:
        raise DataError(
            f"no column with the bytes of image files; {columns}; to read paths and labels from "
            "it, set data.path to the folder of the images and data.labels to the table"
        )
    raise DataError(
        f"{len(found)} columns may hold the images ({named(found, 8)}); choose one by "
        "data.image_column"
    )


def _holds_bytes(kind: pa.DataType) -> bool:
    """Whether a column may hold files: bytes, or records of bytes and path."""
    if pa.types.is_struct(kind):
        position = kind.get_field_index("bytes")
        return position >= 0 and _holds_bytes(kind.field(position).type)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _bytes(path: str, cell: Any) -> bytes:
    """The bytes of a cell; none for an empty one, which is then listed as an empty file."""
    data = cell.get("bytes") if isinstance(cell, dict) else cell
    if data is None and isinstance(cell, dict) and cell.get("path"):
        raise DataError(
            f"{path}: has the path {cell['path']!r} but not the bytes of an image; save the "
            "dataset with its images embedded, or use the folder of the images"
        )
    return bytes(data or b"")


def _part_of(path: str) -> str | None:
    """The part of a split that a file's name or folder states: `train-00000-of-00001.parquet`."""
    for name in reversed(PurePosixPath(path).with_suffix("").parts):
        if part := part_of_layer(_COUNTED.sub("", name)):
            return part
    return None


def _schema(place: Place, path: str) -> pa.Schema:
    with place.open(path) as file:
        if path.lower().endswith(".parquet"):
            return pq.read_schema(file)
        return _stream(file).schema


def _batches(place: Place, path: str) -> Iterator[pa.RecordBatch]:
    with place.open(path) as file:
        if path.lower().endswith(".parquet"):
            yield from pq.ParquetFile(file).iter_batches(batch_size=_ROWS)
        else:
            for batch in _stream(file):
                for start in range(0, batch.num_rows, _ROWS):
                    yield batch.slice(start, _ROWS)


def _stream(file: pa.NativeFile) -> pa.RecordBatchReader:
    """An Arrow file of the streaming format, which `save_to_disk` writes."""
    return pa.ipc.open_stream(file)


def _dataset_info(place: Place, path: str) -> bytes:
    """The dataset_info.json beside a file, if there is one."""
    beside = (PurePosixPath(path).parent / _INFO).as_posix()
    if beside not in {file.path for file in place.files}:
        return b""
    with place.open(beside) as file:
        return bytes(file.read())


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read ({reason})") from None
