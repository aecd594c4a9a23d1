"""Small preprocessed pictures of the misclassified images that the page shows."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from PIL import Image

from datasets.decoding.small_pictures import SmallPictures
from datasets.preprocess import Preprocessing, preprocess
from sweeper.plan.collect import Collection
from sweeper.plan.descriptions import Descriptions, pictures_of
from sweeper.store.store import Store

MOST_PICTURES = 300
MOST_BYTES = 600_000  # of WebP: 0.8 MB as base64
SIDE = 96  # px
_QUALITY = 60

Picture = dict[str, Any]


def draw_pictures(
    collection: Collection, image_ids: Iterable[str], preprocessing: Preprocessing, store: Store
) -> list[Picture]:
    """Rows of the table `pictures`, as many of `image_ids` as the limits allow.

    The previews of the images are preprocessed as for training, at `SIDE` px. An image whose
    preview has been lost and whose file is gone or has changed has no picture.
    """
    wanted = list(image_ids)[:MOST_PICTURES]
    if not wanted:
        return []
    small = replace(preprocessing, image_size=SIDE)
    found = pictures_of(collection.root, collection.images, Descriptions(store), wanted)
    drawn = {image_id: _draw(pictures, small) for image_id, pictures in found}
    rows, total = [], 0
    for image_id in wanted:
        encoded = drawn.get(image_id, b"")
        total += len(encoded)
        if encoded and total <= MOST_BYTES:
            rows.append({"image_id": image_id, "width": SIDE, "height": SIDE, "image": encoded})
    return rows


def _draw(pictures: SmallPictures, preprocessing: Preprocessing) -> bytes:
    pixels = preprocess(pictures.preview_pixels(), preprocessing)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()
