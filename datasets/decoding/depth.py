"""16-bit values -> 8 bits, so that what a picture shows keeps its levels.

16 bits are a container: files hold 10, 12 or 14 bits in them, Hounsfield units with 32768 added, or
a narrow band of values anywhere. Division by 257 would leave a dozen grey levels of such a picture.
"""

from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.decoding.levels import look_up, occurring

_DEPTHS = (8, 10, 12, 14, 16)  # bits that a 16-bit file may really hold
_FILLED = 0.5  # of its depth; a picture that fills less is shown over its own range
_MOST_ISOLATED = 4  # values of a padding or of a mark burned in
_FEWEST_VALUES = 64  # of a picture beside which other values are isolated


class ValueRange(NamedTuple):
    """The values that become black and white; what lies outside is clipped."""

    black: int
    white: int


def to_8_bits(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Scale (H, W) or (H, W, 3), all channels alike, by the `display_range` of what occurs."""
    black, white = display_range(occurring(values))
    step = max(1, white - black)
    levels = ((np.arange(65536) - black) * 255 + step // 2) // step
    return look_up(np.clip(levels, 0, 255).astype(np.uint8), values)


def display_range(occurs: NDArray[np.bool_]) -> ValueRange:
    """Black and white for a picture in which these values occur.

    0 and the largest value of its depth (8, 10, 12, 14 or 16 bits, as few as hold its values) where
    the picture fills half of that range or has 8 bits; else its own smallest and largest value.
    Values of `content_range` count.

    Args:
        occurs: (65536,) which of the values occur.
    """
    low, high = map(int, content_range(np.flatnonzero(occurs)))
    white = depth_of(high)
    if white == 255 or high == low or high - low >= _FILLED * white:
        return ValueRange(0, white)
    return ValueRange(low, high)


def depth_of(value: int) -> int:
    """The largest value of the depth that holds `value`: 255, 1023, 4095, 16383 or 65535."""
    return int(2 ** next(bits for bits in _DEPTHS if value < 2**bits) - 1)


def content_range(values: NDArray[Any]) -> tuple[float, float]:
    """The smallest and largest of the values that occur (sorted), without isolated ones.

    Isolated: up to 4 values at an end, such as a padding's or a burned-in mark's, with a wider gap
    to the rest than the rest, of 64 values and more, is wide.
    """
    for below, above in sorted(product(range(_MOST_ISOLATED + 1), repeat=2), key=sum, reverse=True):
        rest = values[below : len(values) - above]
        if len(rest) < _FEWEST_VALUES:
            continue
        low, high = float(rest[0]), float(rest[-1])
        lower = below == 0 or low - float(values[below - 1]) > high - low
        upper = above == 0 or float(values[len(values) - above]) - high > high - low
        if lower and upper:
            return low, high
    return float(values[0]), float(values[-1])
