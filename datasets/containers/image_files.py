"""Write images that were read from a container as files of a folder, with a table of what else is
known of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.decoding.dicom_detection import is_dicom
from datasets.errors import DataError
from datasets.layout.file_kinds import IMAGE_SUFFIXES, UNREAD_SUFFIXES, is_seen, suffix_of

LABELS = ".labels.parquet"
"""The table of the images' paths and columns. Its name is hidden, so that it is no file of them."""

PATH = "path"
_NAMES = ("path", "file", "filename", "file_name", "image", "image_id", "sha256")
_MAGIC = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG", ".png"),
    (b"GIF8", ".gif"),
    (b"II", ".tif"),
    (b"MM", ".tif"),
    (b"RIFF", ".webp"),
    (b"BM", ".bmp"),
)
_UNKNOWN = ".png"  # an extension of images, so that the file is listed as one that cannot be read
_MAX_NAME = 200  # bytes of one part; file systems allow 255, and `-2` may be appended
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class EncodedImage:
    """The bytes of an image file, its path in the container or "", and what is known of it."""

    path: str
    data: bytes
    columns: Mapping[str, Any] = field(default_factory=dict)


def write_images(
    images: Iterable[EncodedImage], folder: Path, on_progress: Callable[[int], None] | None = None
) -> int:
    """Write each image as a file of the new folder `folder`, and `LABELS` if anything is known.

    A file has its path in the container where that is safe and of an image, else its number. Where
    a path occurs again, `-2` is appended. Columns that would name the image are left out.

    Returns:
        The number of images.
    """
    paths: list[str] = []
    rows: list[Mapping[str, Any]] = []
    taken: dict[str, int] = {}
    for number, image in enumerate(images):
        path = _distinct(_path_of(image, number), taken)
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(image.data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise DataError(f"{path!r} is both a file and a folder in it; rename one") from None
        paths.append(path)
        rows.append({k: v for k, v in image.columns.items() if k.strip().casefold() not in _NAMES})
        if on_progress:
            on_progress(number + 1)
    if any(rows):
        pq.write_table(_table(paths, rows), folder / LABELS)
    return len(paths)


def safe_path(name: str) -> PurePosixPath | None:
    """The path of a file in a container, with `/`; None if it leads outside of it."""
    path = PurePosixPath(name.replace("\\", "/"))
    has_drive = bool(path.parts) and _DRIVE.fullmatch(path.parts[0])
    if path.is_absolute() or ".." in path.parts or has_drive or "\0" in name:
        return None
    return path


def _path_of(image: EncodedImage, number: int) -> str:
    """Where to write an image."""
    path = safe_path(image.path) or PurePosixPath(image.path.replace("\\", "/").split("/")[-1])
    fits = all(is_seen(part) and len(part.encode()) <= _MAX_NAME for part in path.parts)
    if not (path.name and fits and path.as_posix().isprintable()) or safe_path(str(path)) is None:
        path = PurePosixPath(f"{number:08d}")
    if suffix_of(path.name) in IMAGE_SUFFIXES | UNREAD_SUFFIXES:
        return path.as_posix()
    return f"{path.as_posix()}{_extension(image.data)}"


def _extension(data: bytes) -> str:
    for magic, extension in _MAGIC:
        if data.startswith(magic):
            return extension
    return ".dcm" if is_dicom(data) else _UNKNOWN


def _distinct(path: str, taken: dict[str, int]) -> str:
    """The path, with `-2` and so on if it occurred before; file systems may ignore case."""
    key = path.casefold()
    taken[key] = taken.get(key, 0) + 1
    if taken[key] == 1:
        return path
    end = len(path) - len(suffix_of(path))
    return _distinct(f"{path[:end]}-{taken[key]}{path[end:]}", taken)


def _table(paths: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """A row per image: its path, and every column that any image has."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _column([row.get(name) for row in rows]) for name in names}
    return pa.table({PATH: pa.array(paths), **columns})


def _column(values: Sequence[Any]) -> pa.Array:
    """Lists of texts if any value is a list or a record, which then cannot be labels; else values
    of one type."""
    if any(isinstance(value, list | dict) for value in values):
        lists = [value if isinstance(value, list) else [value] for value in values]
        return pa.array([[str(one) for one in many if one is not None] for many in lists])
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # of several types
        return pa.array([None if value is None else str(value) for value in values])
