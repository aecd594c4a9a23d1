"""The two small pictures that are kept of an image file, so that its pixels are decoded once.

The thumbnail is for comparing pictures with each other, the preview for showing one to a reader.
"""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.lookalikes.thumbnails import SIDE, thumbnail

PREVIEW_SIDE = 256  # px of the longer edge
_QUALITY = 92  # of JPEG: 9 kB a radiograph

Image = NDArray[np.uint8]


class SmallPictures(NamedTuple):
    """`thumbnail` is (SIDE, SIDE) uint8 grey, row by row; `preview` is a JPEG of at most
    `PREVIEW_SIDE` px an edge, with the aspect ratio of the image."""

    thumbnail: bytes
    preview: bytes

    def thumbnail_pixels(self) -> Image:
        """(SIDE, SIDE) uint8 grey."""
        return np.frombuffer(self.thumbnail, np.uint8).reshape(SIDE, SIDE)

    def preview_pixels(self) -> Image:
        """(H, W, 3) uint8 RGB."""
        data = np.frombuffer(self.preview, np.uint8)
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)


def small_pictures(pixels: Image) -> SmallPictures:
    """Both pictures of an image, (H, W, 3) uint8 RGB."""
    return SmallPictures(thumbnail(pixels).tobytes(), _jpeg(_shrunk(pixels)))


def _shrunk(pixels: Image) -> NDArray[Any]:
    """At most `PREVIEW_SIDE` px an edge; a smaller picture as it is."""
    height, width, _ = pixels.shape
    scale = PREVIEW_SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def _jpeg(pixels: NDArray[Any]) -> bytes:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return bytes(encoded)
