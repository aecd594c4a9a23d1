"""Small grey pictures of all images, decoded once, and what is left of them without exposure.

What tells two radiographs apart is fine structure; the bright bone on black, which all of them
have, is taken out by `local_contrast`: high-pass, then division by the local strength.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.decoding.decode import decode_image, read_file

SIDE = 128
_IN_MEMORY = 1 << 28  # bytes; more than that lies in a temporary file

Image = NDArray[np.uint8]
Contrast = NDArray[np.float32]


@dataclass(frozen=True)
class Thumbnails:
    """`pixels` (N, SIDE, SIDE) uint8 grey, squeezed to squares; `aspects` (N,) width / height."""

    pixels: NDArray[np.uint8]
    aspects: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.aspects)

    def of(self, rows: NDArray[np.int64]) -> "Thumbnails":
        """Some of them; all of them without a copy."""
        if len(rows) == len(self):
            return self
        return Thumbnails(self.pixels[rows], self.aspects[rows])


def read_thumbnails(root: str, paths: Sequence[str], workers: int = 8) -> Thumbnails:
    """Decode every file once and keep it small.

    Args:
        root: the folder that `paths` are relative to.
        paths: files that can be decoded.
        workers: threads, of which each holds one decoded image.

    Returns:
        In the order of `paths`: 16 kB an image, in a temporary file where that is over 256 MB.

    Raises:
        DataError, OSError: a file that cannot be read after all.
    """
    pixels, aspects = _array(len(paths)), np.ones(len(paths))

    def read(number: int) -> None:
        image = decode_image(read_file(Path(root) / paths[number]))
        pixels[number] = thumbnail(image)
        aspects[number] = image.shape[1] / image.shape[0]

    with ThreadPoolExecutor(max_workers=workers) as pool:
        list(pool.map(read, range(len(paths))))
    return Thumbnails(pixels, aspects)


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
