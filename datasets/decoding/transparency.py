"""A transparent picture as one sees it: over white paper, or over black where it is white itself.

Black ink on nothing is black on black without the first, white ink white on white without the
second. The choice is made for each file, from its own pixels.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_LEAST_CONTRAST = 64.0  # to white, root mean square over what is drawn, in grey levels
_PIXELS_PER_STRIP = 1_000_000

Pixels = NDArray[np.uint8]


def flattened(colours: Pixels, alpha: Pixels) -> Pixels:
    """Lay a picture over white, or over black where what is drawn is too light to be seen on white.

    Too light: its root mean square distance from white, weighted by its opacity, is under a quarter
    of the range. Where nothing at all is opaque, `alpha` says nothing and the colours are shown.

    Args:
        colours: (H, W, 3), not multiplied by alpha.
        alpha: (H, W), 255 is opaque.

    Returns:
        (H, W, 3).
    """
    if not alpha.any() or alpha.min() == 255:
        return colours
    ground = 255 if _contrast_to_white(colours, alpha) >= _LEAST_CONTRAST else 0
    laid = np.empty_like(colours)
    for rows in _strips(alpha):
        opacity = alpha[rows, :, None].astype(np.uint16)
        mixed = colours[rows] * opacity + np.uint16(ground) * (255 - opacity)
        laid[rows] = (mixed + np.uint16(127)) // np.uint16(255)
    return laid


def _contrast_to_white(colours: Pixels, alpha: Pixels) -> float:
    """Of the channel that differs most in each pixel: pure yellow is far from white too."""
    total, weight = 0.0, 0
    for rows in _strips(alpha):
        distance = (255 - colours[rows].min(axis=2)).astype(np.float32)
        total += float((distance * distance * alpha[rows]).sum(dtype=np.float64))
        weight += int(alpha[rows].sum(dtype=np.int64))
    return float(np.sqrt(total / weight))


def _strips(alpha: Pixels) -> Iterator[slice]:
    rows = max(1, _PIXELS_PER_STRIP // max(1, alpha.shape[1]))
    for start in range(0, len(alpha), rows):
        yield slice(start, start + rows)
