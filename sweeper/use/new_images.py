"""Find and read new image files for prediction; unreadable ones are reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.decoding.isolated_pixels import PixelReader
from datasets.errors import DataError
from datasets.labels.label_table import named_images
from datasets.labels.table_file import SUFFIXES
from datasets.layout.file_kinds import unread_reason
from datasets.layout.tree import Tree
from datasets.preprocess import Preprocessing


@dataclass(frozen=True)
class NewImage:
    """An image preprocessed as in training, or the `problem` of its file.

    `pixels` (N, N, 3) uint8; `content_hash` is the sha256 of the bytes and `pixel_hash` that of the
    decoded pixels, as in the run's manifest; `thumbnail` and `aspect` are for `lookalikes`: of what
    `pixels` shows, without padding.
    """

    path: Path
    problem: str = ""
    pixels: np.ndarray | None = None
    content_hash: str = ""
    pixel_hash: str = ""
    thumbnail: np.ndarray | None = None
    aspect: float = 1.0


def image_files(paths: Sequence[Path]) -> list[Path]:
    """The files among `paths`, the sorted image files below the folders among them, and those that
    the .csv or .parquet tables among them name, relative to the table.

    Raises DataError for a folder without an image file, or a table that cannot be read.
    """
    files: list[Path] = []
    for path in paths:
        if path.suffix.lower() in SUFFIXES and path.is_file():
            files += named_images(path)
            continue
        if not path.is_dir():
            files.append(path)
            continue
        found = sorted(_images_below(path))
        if not found:
            raise DataError(f"image '{path}': a folder without image files; choose one with images")
        files += found
    return list(dict.fromkeys(files))


def read_each(paths: Sequence[Path], how: Preprocessing) -> Iterator[NewImage]:
    """Read files one by one; a file that cannot be decoded is returned with a `problem`.

    Each is decoded in a separate process, since it may crash its decoder.
    """
    with PixelReader() as reader:
        for path in paths:
            try:
                yield _read(reader, path, how)
            except DataError as error:
                yield NewImage(path, str(error))


def _read(reader: PixelReader, path: Path, how: Preprocessing) -> NewImage:
    if not path.exists():
        raise DataError("no such file")
    if problem := unread_reason(path):
        raise DataError(problem)
    read = reader.read(str(path), how)
    return NewImage(
        path,
        pixels=read.pixels,
        content_hash=read.content_hash,
        pixel_hash=read.pixel_hash,
        thumbnail=read.thumbnail,
        aspect=read.aspect,
    )


def _images_below(folder: Path) -> Iterator[Path]:
    tree = Tree(str(folder), follow_links=True)
    for at, listing in tree.walk(tree.top):
        inside = at.relative_to(tree.top)
        yield from (folder / inside / name for name in listing.images)
