"""Small pictures of all images, and what is left of them without exposure.

What tells two radiographs apart is fine structure; the bright bone on black, which all of them
have, is taken out by `local_contrast`: high-pass, then division by the local strength.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 128
_IN_MEMORY = 1 << 28  # bytes; more than that lies in a temporary file

Image = NDArray[np.uint8]
Contrast = NDArray[np.float32]


@dataclass(frozen=True)
class Thumbnails:
    """`pixels` (N, SIDE, SIDE) uint8 grey, squeezed to squares; `aspects` (N,) width / height.

    `previews`: JPEGs with the images' aspect ratio (`decoding.small_pictures`), by which parts are
    found; none if that is not wanted.
    """

    pixels: NDArray[np.uint8]
    aspects: NDArray[np.float64]
    previews: Sequence[bytes] = ()

    def __len__(self) -> int:
        return len(self.aspects)

    def of(self, rows: NDArray[np.int64]) -> "Thumbnails":
        """Some of them; all of them without a copy."""
        if len(rows) == len(self):
            return self
        previews = [self.previews[row] for row in rows] if self.previews else ()
        return Thumbnails(self.pixels[rows], self.aspects[rows], previews)

    def preview(self, row: int) -> Image:
        """(H, W) grey."""
        data = np.frombuffer(self.previews[row], np.uint8)
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def collect_thumbnails(
    found: Iterable[tuple[int, Image, bytes]], aspects: Sequence[float]
) -> Thumbnails:
    """Put small pictures that come in any order into one array.

    Args:
        found: (row, thumbnail, preview), each row once.
        aspects: width / height of the images, by row.

    Returns:
        16 kB an image, in a temporary file where that is over 256 MB, and the previews.

    Raises:
        ValueError: not as many thumbnails as rows.
    """
    pixels, count = _array(len(aspects)), 0
    previews = [b""] * len(aspects)
    for row, picture, previews[row] in found:
        pixels[row] = picture
        count += 1
    if count != len(aspects):
        raise ValueError(f"{count} thumbnails of {len(aspects)} images")
    return Thumbnails(pixels, np.asarray(aspects, np.float64), previews)


def thumbnail(image: Image) -> Image:
    """(H, W) or (H, W, 3) RGB uint8 -> (SIDE, SIDE) grey."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def local_contrast(pixels: NDArray[Any], blur_px: float, local_px: float) -> Contrast:
    """Take away what is larger than `blur_px` and make the rest equally strong everywhere.

    Brightness and contrast of the whole do not change the result. Where the picture is flat, to
    a tenth of its standard deviation, it stays near 0 and noise is not raised to structure.

    Args:
        pixels: (H, W).
        blur_px: standard deviation of the blur that is subtracted.
        local_px: standard deviation of the window in which the strength is measured.

    Returns:
        (H, W) float32; 0 for a constant picture.
    """
    values = pixels.astype(np.float32)
    values = (values - values.mean()) / (values.std() + 1e-3)
    detail = values - cv2.GaussianBlur(values, (0, 0), blur_px)
    strength = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), local_px) + np.float32(0.01))
    return np.asarray(detail / strength, np.float32)


def _array(count: int) -> NDArray[np.uint8]:
    shape = (count, SIDE, SIDE)
    if count * SIDE * SIDE <= _IN_MEMORY:
        return np.zeros(shape, np.uint8)
    with TemporaryFile() as file:  # the map keeps it alive; it is gone with the array
        return np.memmap(file, np.uint8, "w+", shape=shape)
