"""Resize an image and adjust its contrast: steps 3 and 4 of the paper.

The paper's text stretches contrast (Eq. (2)); its notebook multiplies by 1.35. Both are available;
the text's is the better choice, as the notebook's clips every value above 189 to white.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

CONTRASTS = ("stretch", "weighted", "none")
PREPROCESS_VERSION = 1

Image = NDArray[np.uint8]


def preprocess(image: Image, size: int, contrast: str) -> Image:
    """Resize an image to a square and adjust its contrast.

    Args:
        image: (H, W, 3) uint8.
        size: side of the result, pixels. As in the paper, the aspect ratio is not preserved.
        contrast: one of `CONTRASTS`: `stretch` is Eq. (2), `weighted` the published notebook's.

    Returns:
        (size, size, 3) uint8.

    Raises:
        ValueError: another shape or dtype, or an unknown contrast.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image {image.dtype} {image.shape}: expected uint8 (H, W, 3)")
    if contrast not in CONTRASTS:
        raise ValueError(
            f"preprocess.contrast={contrast!r}: expected one of {', '.join(CONTRASTS)}"
        )
    resized = np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    if contrast == "stretch":
        return stretch(resized)
    if contrast == "weighted":
        return _mapped(resized, np.arange(256) * 1.35 - 0.15)
    return resized


def stretch(image: Image) -> Image:
    """Eq. (2): (I - I_min) / (I_max - I_min) * 255 over all pixels and channels, rounded.

    `image` is uint8 of any shape; a constant image is returned unchanged.
    """
    low, high = int(image.min()), int(image.max())
    if low == high:
        return image
    return _mapped(image, (np.arange(256) - low) / (high - low) * 255)


def _mapped(image: Image, value_of: NDArray[np.floating[Any]]) -> Image:
    """Replace every pixel value i by `value_of[i]`, clipped to 0..255 and rounded."""
    table = np.clip(np.rint(value_of), 0, 255).astype(np.uint8)  # (256,)
    mapped: Image = table[image]
    return mapped
