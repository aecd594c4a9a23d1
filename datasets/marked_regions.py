"""Read where the finding lies in images: mask images, or a table of boxes.

A folder of masks mirrors the images: `masks/class/a.png` marks `class/a.jpg`; any pixel above half
grey is marked. A table has the columns path, x, y, width and height, in pixels of the image as it
is displayed, the origin at the top left; an image may have several boxes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, UnidentifiedImageError

from datasets.errors import DataError
from datasets.labels.table_file import SUFFIXES, TableFile, read_table_file

_MASKS = (".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jpg", ".jpeg")
_COLUMNS = ("path", "x", "y", "width", "height")
_GREY = 127

Box = tuple[int, int, int, int]  # left, top, right, bottom
Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class MarkedFiles:
    """The marked regions of images by their path: mask files, or boxes."""

    sizes: Mapping[str, Size]
    masks: Mapping[str, Path] = field(default_factory=dict)
    boxes: Mapping[str, list[Box]] = field(default_factory=dict)

    def mask(self, path: str) -> np.ndarray | None:
        """(H, W) bool of an image as it is displayed; None where nothing is known of it."""
        if path in self.masks:
            with Image.open(self.masks[path]) as image:
                return np.asarray(image.convert("L")) > _GREY
        if path not in self.boxes:
            return None
        width, height = self.sizes[path]
        found = np.zeros((height, width), bool)
        for left, top, right, bottom in self.boxes[path]:
            found[top:bottom, left:right] = True
        return found


def read_marked(name: str, sizes: Mapping[str, Size]) -> MarkedFiles:
    """Find the marked regions of images.

    Args:
        name: the folder of masks, or the .csv or .parquet table of boxes.
        sizes: width and height of every image, by its path within the data.

    Raises:
        DataError: one line, for a path that is not there, a mask of another size than its image, a
            table without the columns or with a box outside its image, or if no image is marked.
    """
    setting, path = f"explain.masks={name!r}", Path(name).expanduser()
    if path.suffix.lower() in SUFFIXES:
        found = _boxes(read_table_file(name, setting), sizes)
    elif path.is_dir():
        found = _masks(path, setting, sizes)
    else:
        raise DataError(
            f"{setting}: no such folder; give a folder of mask images or a .csv table of boxes"
        )
    if not found.masks and not found.boxes:
        raise DataError(
            f"{setting}: none of the {len(sizes)} images is marked; use paths as within the data, "
            f"such as {next(iter(sizes), 'class/image.png')}"
        )
    return found


def _masks(folder: Path, setting: str, sizes: Mapping[str, Size]) -> MarkedFiles:
    files = {
        file.relative_to(folder).with_suffix("").as_posix(): file
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in _MASKS
    }
    masks = {
        path: file
        for path in sizes
        if (file := files.get(PurePosixPath(path).with_suffix("").as_posix()))
    }
    for path, file in masks.items():
        size = _size_of(file, setting)
        if size != sizes[path]:
            raise DataError(
                f"{setting}: mask '{file.relative_to(folder)}' is {size[0]} x {size[1]} pixels, "
                f"its image {sizes[path][0]} x {sizes[path][1]}; a mask has the size of its image"
            )
    return MarkedFiles(sizes, masks=masks)


def _size_of(file: Path, setting: str) -> Size:
    try:
        with Image.open(file) as image:
            return image.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{setting}: mask '{file.name}' cannot be read ({error})") from None


def _boxes(table: TableFile, sizes: Mapping[str, Size]) -> MarkedFiles:
    if missing := [name for name in _COLUMNS if name not in table.columns]:
        raise table.wrong(f"no column {' and '.join(missing)}; expected {', '.join(_COLUMNS)}")
    found: dict[str, list[Box]] = {}
    for row, path in enumerate(table.columns["path"]):
        if path in sizes:
            found.setdefault(path, []).append(_box(table, row, sizes[path]))
    return MarkedFiles(sizes, boxes=found)


def _box(table: TableFile, row: int, size: Size) -> Box:
    left, top, width, height = _numbers(table, row)
    if (
        min(left, top) < 0
        or min(width, height) < 1
        or left + width > size[0]
        or (top + height > size[1])
    ):
        raise table.wrong(
            f"box {left}, {top}, {width}, {height} of '{table.columns['path'][row]}' is empty or "
            f"outside the image of {size[0]} x {size[1]} pixels",
            row,
        )
    return left, top, left + width, top + height


def _numbers(table: TableFile, row: int) -> Iterator[int]:
    for name in _COLUMNS[1:]:
        text = table.columns[name][row]
        try:
            yield round(float(text))
        except (ValueError, OverflowError):
            raise table.wrong(f"{name}={text!r}: expected a number of pixels", row) from None


def sizes_of(
    paths: Iterable[str], widths: Iterable[int], heights: Iterable[int]
) -> dict[str, Size]:
    """Width and height by path."""
    return {
        path: (int(width), int(height))
        for path, width, height in zip(paths, widths, heights, strict=True)
    }
