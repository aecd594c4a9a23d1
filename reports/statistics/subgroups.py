"""Do subgroups differ in a metric? Gaps between them, corrected for looking at many.

All pairs of subgroups of all columns are one family. Under the null hypothesis, what is known of an
image says nothing about how well it is predicted: what is known may then be exchanged between
groups of images of the same size. A gap is measured in standard deviations over such exchanges, and
compared with the largest gap of the family in each exchange (Westfall and Young 1993, single-step
maxT). All columns are exchanged together, so that related columns do not count twice.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from reports.statistics.bootstrap import generator
from reports.statistics.intervals import Interval
from reports.statistics.multiplicity import LEVEL

EXCHANGES = 1999

OfWeights = Callable[[np.ndarray], np.ndarray]
"""How often each row counts, (subgroups, n) -> a metric (subgroups,); NaN without rows."""


@dataclass(frozen=True)
class Column:
    """One column: `codes` (n,) int, the subgroup of each row, -1 where it is not known; `tested`:
    the subgroups that are large enough to be compared."""

    name: str
    codes: np.ndarray
    subgroups: int
    tested: Sequence[int]

    def members(self, codes: np.ndarray) -> np.ndarray:
        """(subgroups, n) 0 or 1, with the codes of the rows."""
        return np.asarray(codes == np.arange(self.subgroups)[:, None], float)


@dataclass(frozen=True)
class Gap:
    """The metric of subgroup `a` minus that of `b`; `interval` and `p` hold for the family."""

    column: str
    a: int
    b: int
    value: float
    interval: Interval
    p: float


@dataclass(frozen=True)
class Rows:
    """n tested rows: `image` (n,), which of the images, and `group` (images,) of each image."""

    image: np.ndarray
    group: np.ndarray


def find_gaps(
    columns: Sequence[Column],
    rows: Rows,
    metric: OfWeights,
    resampled: np.ndarray,
    name: object,
    families: int = 1,
    exchanges: int = EXCHANGES,
) -> list[Gap]:
    """The gaps of all pairs of tested subgroups within a column.

    Args:
        metric: of any weights of the rows.
        resampled: (draws, all subgroups of all columns), the metric with groups resampled.
        name: what the random numbers depend on.
        families: how many metrics are looked at; p and intervals hold for all of them.

    Returns:
        In the order of columns and pairs; a pair without a metric is left out.
    """
    firsts = np.cumsum([0, *(one.subgroups for one in columns)])
    pairs = [
        (number, first + a, first + b)
        for number, (one, first) in enumerate(zip(columns, firsts, strict=False))
        for a, b in combinations(one.tested, 2)
    ]
    if not pairs:
        return []
    left, right = (np.array([pair[side] for pair in pairs]) for side in (1, 2))
    own = _differences(columns, metric, [one.codes for one in columns], left, right)
    drawn = np.stack(
        [
            _differences(columns, metric, codes, left, right)
            for codes in _exchanged(columns, rows, exchanges, name)
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a pair that never has a metric
        spread = np.nanstd(drawn, axis=0)
        largest = np.nanmax(_scaled(np.abs(drawn), spread), axis=1)
        images = np.nanstd(resampled[:, left] - resampled[:, right], axis=0, ddof=1)
    critical = float(np.quantile(largest, 1 - LEVEL / families))
    found = []
    for number, (column, a, b) in enumerate(pairs):
        if np.isnan(own[number]):
            continue
        scaled = float(_scaled(abs(own[number]), spread[number]))
        half = critical * max(float(spread[number]), float(np.nan_to_num(images[number])))
        p = float((1 + (largest >= scaled - 1e-12).sum()) / (1 + len(largest)))
        found.append(
            Gap(
                columns[column].name,
                a - int(firsts[column]),
                b - int(firsts[column]),
                float(own[number]),
                Interval(float(own[number]) - half, float(own[number]) + half),
                min(1.0, families * p),
            )
        )
    return found


def _scaled(value: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """In standard deviations; 0 where there are none."""
    return np.asarray(np.divide(value, spread, out=np.zeros_like(value), where=spread > 0))


def _differences(
    columns: Sequence[Column],
    metric: OfWeights,
    codes: Sequence[np.ndarray],
    left: np.ndarray,
    right: np.ndarray,
) -> np.ndarray:
    members = [one.members(own) for one, own in zip(columns, codes, strict=True)]
    values = metric(np.concatenate(members))
    return np.asarray(values[left] - values[right])


def _exchanged(
    columns: Sequence[Column], rows: Rows, times: int, name: object
) -> Iterator[list[np.ndarray]]:
    """The codes of the rows with what is known of the images exchanged: whole groups among groups
    of the same size, and within a group."""
    rng = generator("subgroups", name)
    order = np.argsort(rows.group, kind="stable")
    starts = np.flatnonzero(np.diff(rows.group[order], prepend=-1))
    sizes = np.diff([*starts, len(order)])
    blocks = [
        np.stack([order[start : start + size] for start in starts[sizes == size]])
        for size in np.unique(sizes)
    ]
    first_row = np.zeros(len(rows.group), int)
    first_row[rows.image[::-1]] = np.arange(len(rows.image))[::-1]
    of_images = [one.codes[first_row] for one in columns]
    for _ in range(times):
        source = np.empty(len(order), int)
        for block in blocks:  # (groups, images of each)
            moved = block[rng.permutation(len(block))]
            source[block.ravel()] = rng.permuted(moved, axis=1).ravel()
        yield [own[source][rows.image] for own in of_images]
