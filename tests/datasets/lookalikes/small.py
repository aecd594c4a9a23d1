"""Small pictures of images, as the search for near-copies gets them."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from datasets.decoding.small_pictures import small_pictures
from datasets.drawn.synthetic import FRACTURE_TYPES, draw_radiograph
from datasets.lookalikes.thumbnails import Image, Thumbnails


def thumbnails_of(images: Sequence[Image]) -> Thumbnails:
    """Thumbnails and previews of grey images."""
    small = [small_pictures(np.dstack([image] * 3)) for image in images]
    return Thumbnails(
        np.stack([one.thumbnail_pixels() for one in small]),
        np.array([image.shape[1] / image.shape[0] for image in images]),
        [one.preview for one in small],
    )


@cache
def drawn(number: int) -> Image:
    """One of many radiographs; ten in a row are of ten fracture types."""
    return draw_radiograph(FRACTURE_TYPES[number % 10], 100 + number)
