"""Small pictures of the images that the page shows as mistakes, as the networks saw them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

from datasets.decoding.decode import decode_image, read_file
from datasets.errors import DataError
from datasets.preprocess import preprocess
from sweeper.plan.collect import Collection

MOST_PICTURES = 300
MOST_BYTES = 600_000  # of WebP: 0.8 MB as base64
SIDE = 96  # px
_QUALITY = 60
_WORKERS = 4

Picture = dict[str, Any]


def draw_pictures(collection: Collection, image_ids: Iterable[str], contrast: str) -> list[Picture]:
    """Rows of the table `pictures`, as many of `image_ids` as the limits allow.

    The images are preprocessed as for training, at `SIDE` px. A file that is gone or has changed
    since it was listed has no picture.
    """
    path_of = collection.images.set_index("image_id")["path"]
    wanted = list(image_ids)[:MOST_PICTURES]
    paths = [Path(collection.root) / path_of[one] for one in wanted]
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        drawn = list(pool.map(lambda path: _draw(path, contrast), paths))
    rows, total = [], 0
    for image_id, encoded in zip(wanted, drawn, strict=True):
        total += len(encoded)
        if encoded and total <= MOST_BYTES:
            rows.append({"image_id": image_id, "width": SIDE, "height": SIDE, "image": encoded})
    return rows


def _draw(path: Path, contrast: str) -> bytes:
    try:
        pixels = preprocess(decode_image(read_file(path)), SIDE, contrast)
    except (DataError, OSError):
        return b""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()
