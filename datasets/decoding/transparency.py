"""Composite transparent images over white, or over black where the drawing itself is white.

A fixed background would make black ink on transparency black on black, or white ink white on white.
The choice is made for each file from its own pixels.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_MIN_CONTRAST = 64.0  # to white, root mean square over the drawing, in grey levels
_PIXELS_PER_STRIP = 1_000_000

Pixels = NDArray[np.uint8]


def flattened(colours: Pixels, alpha: Pixels) -> Pixels:
    """Composite an image over white, or over black where the drawing is too light for white.

    Too light: its root mean square distance from white, weighted by opacity, is under a quarter of
    the range. Where nothing at all is opaque, `alpha` is ignored.

    Args:
        colours: (H, W, 3), not premultiplied by alpha.
        alpha: (H, W), 255 is opaque.

    Returns:
        (H, W, 3).
    """
    if not alpha.any() or alpha.min() == 255:
        return colours
    background = 255 if _contrast_to_white(colours, alpha) >= _MIN_CONTRAST else 0
    composited = np.empty_like(colours)
    for rows in _strips(alpha):
        opacity = alpha[rows, :, None].astype(np.uint16)
        mixed = colours[rows] * opacity + np.uint16(background) * (255 - opacity)
        composited[rows] = (mixed + np.uint16(127)) // np.uint16(255)
    return composited


def _contrast_to_white(colours: Pixels, alpha: Pixels) -> float:
    """By the channel that differs most in each pixel: pure yellow is far from white too."""
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
