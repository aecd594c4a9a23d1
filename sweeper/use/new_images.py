"""Image files that a network is asked about: found in folders, read one by one, bad ones named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.decoding.decode import decode_image, read_file
from datasets.decoding.isolation import Reader
from datasets.errors import DataError
from datasets.layout.file_kinds import unread_reason
from datasets.layout.tree import Tree
from datasets.lookalikes.thumbnails import thumbnail
from datasets.preprocess import preprocess
from sweeper.config.schema import PreprocessSection


@dataclass(frozen=True)
class NewImage:
    """A file's picture as training had it, or why there is none.

    `pixels` (N, N, 3) uint8; `content_hash` the sha256 of the bytes and `pixel_hash` that of the
    decoded picture, as in the run's manifest; `thumbnail` and `aspect` as `lookalikes` wants them.
    """

    path: Path
    problem: str = ""
    pixels: np.ndarray | None = None
    content_hash: str = ""
    pixel_hash: str = ""
    thumbnail: np.ndarray | None = None
    aspect: float = 1.0


def image_files(paths: Sequence[Path]) -> list[Path]:
    """The files that are meant: those named, and the image files below the folders named, sorted.

    Raises DataError for a folder without an image file.
    """
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        found = sorted(_images_below(path))
        if not found:
            raise DataError(f"image '{path}': a folder without an image file; give one with images")
        files += found
    return list(dict.fromkeys(files))


def read_each(paths: Sequence[Path], section: PreprocessSection) -> Iterator[NewImage]:
    """Read files one after the other, each in a process of its own before it is read here: one that
    crashes a decoder, or is no picture, is one with a `problem`."""
    with Reader() as reader:
        for path in paths:
            try:
                yield _read(reader, path, section)
            except DataError as error:
                yield NewImage(path, str(error))


def _read(reader: Reader, path: Path, section: PreprocessSection) -> NewImage:
    if not path.exists():
        raise DataError("no such file")
    if problem := unread_reason(path):
        raise DataError(problem)
    described = reader.describe(str(path)).description
    if described.problem:
        raise DataError(described.problem)
    data = read_file(path)
    picture = decode_image(data)
    return NewImage(
        path,
        pixels=preprocess(picture, section.image_size, section.contrast),
        content_hash=hashlib.sha256(data).hexdigest(),
        pixel_hash=described.pixel_hash,
        thumbnail=thumbnail(picture),
        aspect=picture.shape[1] / picture.shape[0],
    )


def _images_below(folder: Path) -> Iterator[Path]:
    tree = Tree(str(folder), follow_links=True)
    for at, listing in tree.walk(tree.top):
        inside = at.relative_to(tree.top)
        yield from (folder / inside / name for name in listing.images)
