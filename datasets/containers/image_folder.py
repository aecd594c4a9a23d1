"""Copy the image files of a folder in a bucket to a local folder."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pyarrow as pa

from datasets.containers.image_files import safe_path
from datasets.containers.place import Place, PlacedFile
from datasets.decoding.dicom_detection import HEADER_BYTES
from datasets.errors import DataError
from datasets.layout.file_kinds import (
    IMAGE_SUFFIXES,
    is_image_content,
    needs_content_check,
    suffix_of,
    unread_problem,
)

_AT_ONCE = 32  # a request takes 10 to 50 ms
_CHUNK = 16 << 20  # all of most images


def copy_images(
    place: Place, folder: Path, on_progress: Callable[[int], None] | None = None
) -> list[str]:
    """Copy every image file, under its path. Of an image in an unsupported format only the first
    bytes are copied, so that it is listed as such.

    Returns:
        The names of the other files.

    Raises:
        DataError: no image among them, a file that cannot be read, or a path that leads outside.
    """
    others: list[str] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        work = pool.map(lambda file: _copy(place, file, folder), place.files)
        for number, (file, copied) in enumerate(zip(place.files, work, strict=True)):
            if not copied:
                others.append(PurePosixPath(file.path).name)
            if on_progress:
                on_progress(number + 1)
    if len(others) == len(place.files):
        raise DataError(f"no image among its {len(others)} files; give the folder of the images")
    return others


def _copy(place: Place, file: PlacedFile, folder: Path) -> bool:
    """Copy one file, if it is an image; returns whether it is."""
    path = safe_path(file.path)
    if path is None:
        raise DataError(f"{file.path!r} is not a path inside the folder; rename it")
    name = path.name
    is_image = suffix_of(name) in IMAGE_SUFFIXES
    if not is_image and not needs_content_check(name):
        return False
    try:
        with place.open(file.path) as source:
            head = source.read(_CHUNK if is_image else HEADER_BYTES)  # a request for each read
            is_image = is_image or is_image_content(name, head)
            if not is_image and not unread_problem(name):
                return False
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as copy:
                copy.write(head)
                while is_image and (chunk := source.read(_CHUNK)):
                    copy.write(chunk)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise DataError(f"{file.path!r} cannot be copied ({reason})") from None
    return True
