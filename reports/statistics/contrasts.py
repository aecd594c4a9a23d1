"""What a choice is worth: a difference averaged over the cells that agree in everything else.

Cells that differ in seed, repeat and fold only are averaged within a match, each with the cells of
its own training, so that repeating a cell does not make it count twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from reports.statistics.bootstrap import error_of_mean
from reports.statistics.intervals import Interval, difference_of, p_value
from reports.tables import TRAININGS

FACTORS = ("split_policy", "backbone", "weights", "scenario", "augmented", "strategy")
Weights = Mapping[object, float]
Key = tuple[object, ...]
Levels = dict[Key, list[int]]  # levels of the factors -> positions of the cells


@dataclass(frozen=True)
class Contrast:
    """For each match, which cells are added and which are taken off: (matches, cells)."""

    coefficients: np.ndarray
    matches: pd.DataFrame  # the factors that all cells of a match share

    @property
    def pairs(self) -> int:
        return len(self.coefficients)

    def per_match(self, values: np.ndarray) -> np.ndarray:
        """(..., cells) -> (..., matches). Cells that are in no match may be NaN."""
        used = np.any(self.coefficients != 0, axis=0)
        return np.asarray(values[..., used] @ self.coefficients[:, used].T)


@dataclass(frozen=True)
class Estimate:
    """The mean of a contrast over its matches."""

    mean: float
    interval: Interval | None
    p: float | None
    pairs: int


def against(level: object, levels: Sequence[object]) -> dict[object, float]:
    """`level` minus the mean of the other levels."""
    others = [one for one in levels if one != level]
    return {level: 1.0, **dict.fromkeys(others, -1 / len(others))}


def contrast(cells: pd.DataFrame, factors: Mapping[str, Weights]) -> Contrast:
    """The matches among `cells` (all done) that have every combination of the levels in `factors`.

    Args:
        factors: name -> level -> weight; of several factors the weights are multiplied, which
            makes their interaction.
    """
    dropped = {*factors, *(["weights"] if "backbone" in factors else [])}  # a backbone brings them
    shared = [name for name in FACTORS if name not in dropped]
    found: dict[Key, dict[Key, Levels]] = {}
    columns = (cells[shared], cells[list(TRAININGS)], cells[list(factors)])
    keys = [[tuple(row) for row in one.to_numpy(object)] for one in columns]
    for position, (match, repeat, level) in enumerate(zip(*keys, strict=True)):
        found.setdefault(match, {}).setdefault(repeat, {}).setdefault(level, []).append(position)
    rows, matches = [], []
    for match in sorted(found, key=str):
        tried = [_row(one, factors, len(cells)) for one in found[match].values()]
        complete = [row for row in tried if row is not None]
        if complete:
            rows.append(np.mean(complete, axis=0))
            matches.append(match)
    coefficients = np.array(rows).reshape(len(rows), len(cells))
    return Contrast(coefficients, pd.DataFrame(matches, columns=shared))


def estimate(one: Contrast, values: np.ndarray, draws: np.ndarray | None, groups: int) -> Estimate:
    """The mean over the matches; what varies are the test groups drawn, the same in all cells, and
    how far the matches lie apart beyond that (`bootstrap.error_of_mean`).

    Args:
        values: accuracies (cells,).
        draws: the same with the groups resampled, (draws, cells); None makes no interval.
        groups: how many were resampled.
    """
    if not one.pairs:
        return Estimate(math.nan, None, None, 0)
    own = one.per_match(values)
    mean = float(own.mean())
    resampled = one.per_match(draws) if draws is not None else np.array([math.nan])
    if np.isnan(resampled).any():
        return Estimate(mean, None, None, one.pairs)
    error = error_of_mean(own, resampled + (own - resampled.mean(axis=0)), groups)
    return Estimate(mean, difference_of(mean, error), p_value(mean, error), one.pairs)


def _row(cells: Levels, factors: Mapping[str, Weights], width: int) -> np.ndarray | None:
    """The coefficients of one training; None if a combination of levels is not there."""
    row = np.zeros(width)
    for levels in product(*(weights.items() for weights in factors.values())):
        own = cells.get(tuple(level for level, _ in levels))
        if own is None:
            return None
        row[own] += math.prod(weight for _, weight in levels) / len(own)
    return row
