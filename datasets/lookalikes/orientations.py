"""The eight orientations of an image: flips, quarter turns and their combinations.

Each is (transposed, flipped rows, flipped columns), applied in this order. The same applies to the
cosine transform of a square image, where a flip changes signs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ORIENTATIONS = {
    "identity": (False, False, False),
    "flip_horizontal": (False, False, True),
    "flip_vertical": (False, True, False),
    "rotate_180": (False, True, True),
    "transpose": (True, False, False),
    "rotate_270": (True, False, True),
    "rotate_90": (True, True, False),  # counter-clockwise, as np.rot90
    "transverse": (True, True, True),
}
NAMES = tuple(ORIENTATIONS)


def orient(image: NDArray[Any], name: str) -> NDArray[Any]:
    """Re-orient an image (H, W); returns a view."""
    transposed, rows, columns = ORIENTATIONS[name]
    image = image.T if transposed else image
    image = image[::-1] if rows else image
    return image[:, ::-1] if columns else image


def orient_cosines(cosines: NDArray[Any], name: str) -> NDArray[Any]:
    """Re-orient the cosine transforms (..., F, F) of square images."""
    transposed, rows, columns = ORIENTATIONS[name]
    cosines = cosines.swapaxes(-1, -2) if transposed else cosines
    signs = np.where(np.arange(cosines.shape[-1]) % 2, -1, 1).astype(cosines.dtype)
    cosines = cosines * signs[:, None] if rows else cosines
    return cosines * signs if columns else cosines


def inverse(name: str) -> str:
    """The orientation that undoes another."""
    return {"rotate_90": "rotate_270", "rotate_270": "rotate_90"}.get(name, name)


def point_map(name: str) -> NDArray[np.float64]:
    """(2, 3): from a point (x, y) of the re-oriented image to the original; both unit squares."""
    transposed, rows, columns = ORIENTATIONS[name]
    x = [-1.0, 0.0, 1.0] if columns else [1.0, 0.0, 0.0]
    y = [0.0, -1.0, 1.0] if rows else [0.0, 1.0, 0.0]
    return np.array([y, x] if transposed else [x, y])
