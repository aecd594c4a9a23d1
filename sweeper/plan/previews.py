"""Contact sheets: a few images, and the copies that each augmentation of a run makes of them."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from datasets.augment import augment
from datasets.decoding.decode import decode_image, read_file
from datasets.errors import DataError
from datasets.preprocess import preprocess
from sweeper.plan.data_warnings import label_warnings
from sweeper.plan.plan import Plan

_CLASSES, _COPIES = 3, 6  # rows of a sheet; copies beside each image
_TILE, _GAP = 112, 4  # px
_MOST_BYTES = 140_000  # of all sheets: 190 kB as base64
_QUALITIES = (85, 70, 55, 40, 25)


@dataclass(frozen=True)
class Sheet:
    """`image` is a JPEG: a row for each of `classes`, the image itself and then copies of it."""

    augmentation: str
    transforms: list[str]
    warnings: list[str]
    classes: list[str]
    width: int
    height: int
    image: bytes


def sheet_names(plan: Plan) -> list[str]:
    """The augmentations that have a sheet."""
    return [name for name in plan.config.grid.augmentations if plan.config.augmentation(name)]


def sheets_key(plan: Plan) -> str:
    """A hash of what the sheets show: images, preprocessing and transforms. It is the comment of
    each sheet's JPEG file."""
    config = plan.config
    shown = [config.augmentation(name) for name in sheet_names(plan)]
    made_from = {
        "images": sorted(plan.collection.images["image_id"]),
        "preprocess": plan.preprocessings[0].made_from,
        "augmentations": [one.pipeline.made_from for one in shown if one],
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def key_of_file(path: Path) -> str:
    """The key of the sheets that a file was written with; "" if there is no such file."""
    try:
        with Image.open(path) as image:
            return bytes(image.info.get("comment", b"")).decode("ascii", "replace")
    except (OSError, TypeError):
        return ""


def contact_sheets(plan: Plan) -> Iterator[Sheet]:
    """A sheet for each augmentation of the grid; none if no image can be read any more."""
    names = sheet_names(plan)
    images = _some_images(plan) if names else []
    key = sheets_key(plan) if images else ""
    for name in names if images else ():
        section = plan.config.augmentation(name)
        assert section is not None
        rows = [
            [augment(pixels, image_id, copy, section.pipeline) for copy in range(_COPIES + 1)]
            for image_id, _, pixels in images
        ]
        sheet = _sheet(rows)
        yield Sheet(
            name,
            [_in_words(one) for one in section.transforms],
            list(label_warnings(name, section, plan.collection.classes)),
            [label for _, label, _ in images],
            sheet.shape[1],
            sheet.shape[0],
            _jpeg(sheet, _MOST_BYTES // len(names), key),
        )


def _some_images(plan: Plan) -> list[tuple[str, str, np.ndarray]]:
    """image_id, class and preprocessed pixels of the first image of a few classes."""
    found = []
    first = plan.collection.images.drop_duplicates("class").sort_values("class")
    for row in first.iloc[:: max(1, len(first) // _CLASSES)].itertuples():
        try:
            image = decode_image(read_file(Path(plan.collection.root, str(row.path))))
        except (DataError, OSError):
            continue
        pixels = preprocess(image, plan.preprocessings[0])
        found.append((str(row.image_id), str(first.at[row.Index, "class"]), pixels))
    return found[:_CLASSES]


def _in_words(transform: dict[str, dict[str, object]]) -> str:
    ((name, arguments),) = transform.items()
    values = ", ".join(f"{key}={value}" for key, value in arguments.items())
    return f"{name}({values})"


def _sheet(rows: list[list[np.ndarray]]) -> np.ndarray:
    """Tiles of `_TILE` px with white gaps, (H, W, 3) uint8."""
    step = _TILE + _GAP
    sheet = np.full((len(rows) * step - _GAP, len(rows[0]) * step - _GAP, 3), 255, np.uint8)
    for i, tiles in enumerate(rows):
        for j, tile in enumerate(tiles):
            small = cv2.resize(tile, (_TILE, _TILE), interpolation=cv2.INTER_AREA)
            sheet[i * step : i * step + _TILE, j * step : j * step + _TILE] = small
    return sheet


def _jpeg(sheet: np.ndarray, most_bytes: int, comment: str) -> bytes:
    """At the highest of `_QUALITIES` that fits."""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        Image.fromarray(sheet).save(buffer, "JPEG", quality=quality, optimize=True, comment=comment)
        if buffer.tell() <= most_bytes:
            break
    return buffer.getvalue()
