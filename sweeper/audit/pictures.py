"""Small pictures for the audit's page: as many as it can bear, the most telling first."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from datasets.decoding.decode import decode_image, read_file

MOST_PICTURES = 300
MOST_BYTES = 3_600_000  # of WebP: 4.8 MB as base64
SIDE = 256  # px of the longer edge
_QUALITY = 60
_WORKERS = 4


def choose(*wanted: tuple[Iterable[tuple[str, ...]], int]) -> list[str]:
    """image_ids for the page, each once.

    Args:
        wanted: (sets of pictures that make sense only together, how many pictures they may have in
            all); a set that no longer fits ends its list.
    """
    chosen: dict[str, None] = {}
    for sets, most in wanted:
        limit = min(MOST_PICTURES, len(chosen) + most)
        for together in sets:
            new = dict.fromkeys(one for one in together if one not in chosen)
            if len(chosen) + len(new) > limit:
                break
            chosen |= new
    return list(chosen)


def draw(root: str, images: pd.DataFrame, image_ids: list[str]) -> list[dict[str, Any]]:
    """Rows of the table `pictures`, as many of `image_ids` as `MOST_BYTES` allow."""
    path_of = images.set_index("image_id")["path"]
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        drawn = pool.map(lambda one: _draw(Path(root) / path_of[one]), image_ids)
        rows, total = [], 0
        for image_id, (width, height, encoded) in zip(image_ids, drawn, strict=True):
            total += len(encoded)
            if total > MOST_BYTES:
                break
            rows.append({"image_id": image_id, "width": width, "height": height, "image": encoded})
    return rows


def _draw(path: Path) -> tuple[int, int, bytes]:
    """(width, height, WebP) of at most `SIDE` px a side."""
    small = Image.fromarray(decode_image(read_file(path)))
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return small.width, small.height, buffer.getvalue()
