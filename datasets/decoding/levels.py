"""Lookup tables and histograms of pixel values, in strips: NumPy's indices take 8 bytes a pixel."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PIXELS_PER_STRIP = 1_000_000

Stored = NDArray[np.unsignedinteger[Any]]


def look_up(levels: NDArray[np.uint8], values: Stored) -> NDArray[np.uint8]:
    """Compute `levels[values]`: levels (2**bits, ...), values (H, ...) -> (H, ..., ...) uint8."""
    found = np.empty(values.shape + levels.shape[1:], np.uint8)
    for strip in _strips(values):
        found[strip] = levels[values[strip]]
    return found


def counted(values: Stored) -> NDArray[np.int64]:
    """Count each of the 2**bits possible values of the dtype, (2**bits,)."""
    possible = 2 ** (8 * values.dtype.itemsize)
    counts = np.zeros(possible, np.int64)
    for strip in _strips(values):
        counts += np.bincount(values[strip].ravel(), minlength=possible)
    return counts


def occurring(values: Stored) -> NDArray[np.bool_]:
    """Which of the 2**bits possible values of the dtype occur, (2**bits,)."""
    return counted(values) > 0


def _strips(values: Stored) -> Iterator[slice]:
    rows = max(1, _PIXELS_PER_STRIP // max(1, values[0].size))
    for start in range(0, len(values), rows):
        yield slice(start, start + rows)
