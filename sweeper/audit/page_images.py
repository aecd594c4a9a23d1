"""Small pictures for the audit's page: within its size limit, the most informative first."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from PIL import Image

from datasets.decoding.small_pictures import SmallPictures
from sweeper.plan.collect import Collection
from sweeper.plan.descriptions import Descriptions, pictures_of

MAX_PICTURES = 300
MAX_BYTES = 3_600_000  # of WebP: 4.8 MB as base64
_QUALITY = 60


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


def encode_images(
    collection: Collection, descriptions: Descriptions, image_ids: list[str]
) -> list[dict[str, Any]]:
    """Rows of the table `pictures`, as many of `image_ids` as `MAX_BYTES` allow.

    An image whose preview has been lost and whose file is gone or has changed has no picture.
    """
    found = dict(pictures_of(collection.root, collection.images, descriptions, image_ids))
    rows, total = [], 0
    for image_id in image_ids:
        if image_id in found:
            width, height, encoded = _encode(found[image_id])
            total += len(encoded)
            if total > MAX_BYTES:
                break
            rows.append({"image_id": image_id, "width": width, "height": height, "image": encoded})
    return rows


def _encode(pictures: SmallPictures) -> tuple[int, int, bytes]:
    """(width, height, WebP) of the preview."""
    small = Image.fromarray(pictures.preview_pixels())
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return small.width, small.height, buffer.getvalue()
