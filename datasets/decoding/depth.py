"""Scale 16-bit values to 8 bits by the range that the image uses.

16 bits are a container: files store 10, 12 or 14 bits in them, Hounsfield units offset by 32768, or
a narrow band of values anywhere. Division by 257 would leave a dozen grey levels of such an image.
"""

from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.decoding.levels import look_up, occurring

_DEPTHS = (8, 10, 12, 14, 16)  # bits that a 16-bit file may actually use
_MIN_FILLED = 0.5  # share of its depth; an image that fills less is scaled by its own range
_MAX_ISOLATED = 4  # values of padding or of a burned-in mark
_MIN_CONTENT_VALUES = 64  # distinct values of the content, below which nothing counts as isolated


class ValueRange(NamedTuple):
    """The values that become black and white; values outside are clipped."""

    black: int
    white: int


def to_8_bits(values: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Scale (H, W) or (H, W, 3) by the `display_range` of its values, the same for all channels."""
    black, white = display_range(occurring(values))
    step = max(1, white - black)
    levels = ((np.arange(65536) - black) * 255 + step // 2) // step
    return look_up(np.clip(levels, 0, 255).astype(np.uint8), values)


def display_range(occurs: NDArray[np.bool_]) -> ValueRange:
    """Choose black and white for an image in which these values occur.

    0 and the largest value of its depth (8, 10, 12, 14 or 16 bits, the fewest that hold its values)
    where the image fills half of that range or has 8 bits; otherwise its smallest and largest
    value. Only values within `content_range` count.

    Args:
        occurs: (65536,) which of the values occur.
    """
    low, high = map(int, content_range(np.flatnonzero(occurs)))
    white = depth_of(high)
    if white == 255 or high == low or high - low >= _MIN_FILLED * white:
        return ValueRange(0, white)
    return ValueRange(low, high)


def depth_of(value: int) -> int:
    """The largest value of the depth that holds `value`: 255, 1023, 4095, 16383 or 65535."""
    return int(2 ** next(bits for bits in _DEPTHS if value < 2**bits) - 1)


def content_range(values: NDArray[Any]) -> tuple[float, float]:
    """The smallest and largest of the sorted values that occur, without isolated ones.

    Isolated: up to 4 values at either end, such as padding or a burned-in mark, that are further
    from the other values (64 or more) than those span.
    """
    for below, above in sorted(product(range(_MAX_ISOLATED + 1), repeat=2), key=sum, reverse=True):
        rest = values[below : len(values) - above]
        if len(rest) < _MIN_CONTENT_VALUES:
            continue
        low, high = float(rest[0]), float(rest[-1])
        lower = below == 0 or low - float(values[below - 1]) > high - low
        upper = above == 0 or float(values[len(values) - above]) - high > high - low
        if lower and upper:
            return low, high
    return float(values[0]), float(values[-1])
