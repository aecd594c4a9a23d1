"""Small pictures for the audit's page: within its size limit, the most informative first."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from datasets.decoding.decode import decode_image, read_file

MAX_PICTURES = 300
MAX_BYTES = 3_600_000  # of WebP: 4.8 MB as base64
SIDE = 256  # px of the longer edge
_QUALITY = 60
_WORKERS = 4


def choose_images(*wanted: tuple[Iterable[tuple[str, ...]], int]) -> list[str]:
    """Choose image_ids for the page, each once.

    Args:
        wanted: (sets of images that make sense only together, limit on their total number); the
            first set that does not fit ends its list.
    """
    chosen: dict[str, None] = {}
    for sets, most in wanted:
        limit = min(MAX_PICTURES, len(chosen) + most)
        for together in sets:
            new = dict.fromkeys(image_id for image_id in together if image_id not in chosen)
            if len(chosen) + len(new) > limit:
                break
            chosen |= new
    return list(chosen)


def encode_images(root: str, images: pd.DataFrame, image_ids: list[str]) -> list[dict[str, Any]]:
    """Rows of the table `pictures`, for as many of `image_ids` as `MAX_BYTES` allow."""
    path_of = images.set_index("image_id")["path"]
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        encoded_images = pool.map(
            lambda image_id: _encode(Path(root) / path_of[image_id]), image_ids
        )
        rows, total = [], 0
        for image_id, (width, height, encoded) in zip(image_ids, encoded_images, strict=True):
            total += len(encoded)
            if total > MAX_BYTES:
                break
            rows.append({"image_id": image_id, "width": width, "height": height, "image": encoded})
    return rows


def _encode(path: Path) -> tuple[int, int, bytes]:
    """(width, height, WebP), at most `SIDE` px per side."""
    small = Image.fromarray(decode_image(read_file(path)))
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return small.width, small.height, buffer.getvalue()
