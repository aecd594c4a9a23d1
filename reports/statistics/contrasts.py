"""What a choice is worth: a difference averaged over the cells that agree in everything else.

Cells that differ in seed and fold only are averaged within a match, each with the cells of its own
seed and fold, so that repeating a cell does not make it count twice.
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

FACTORS = ("split_policy", "backbone", "weights", "scenario", "augmented", "strategy")
Weights = Mapping[object, float]


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
    table = cells.reset_index(drop=True)
    dropped = {*factors, *(["weights"] if "backbone" in factors else [])}  # a backbone brings them
    shared = [name for name in FACTORS if name not in dropped]
    rows = []
    for key, own in table.groupby(shared, sort=True, dropna=False):
        found = [_one(repeat, factors, len(table)) for _, repeat in own.groupby(["seed", "fold"])]
        complete = [row for row in found if row is not None]
        if complete:
            rows.append((key, np.mean(complete, axis=0)))
    matches = pd.DataFrame([key for key, _ in rows], columns=shared)
    return Contrast(np.array([row for _, row in rows]).reshape(len(rows), len(table)), matches)


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


def _one(cells: pd.DataFrame, factors: Mapping[str, Weights], width: int) -> np.ndarray | None:
    """The coefficients of one seed and fold; None if a combination of levels is not there."""
    row = np.zeros(width)
    for levels in product(*(weights.items() for weights in factors.values())):
        chosen = np.ones(len(cells), dtype=bool)
        for name, (level, _) in zip(factors, levels, strict=True):
            chosen &= (cells[name] == level).to_numpy()
        found = cells.index[chosen]
        if not len(found):
            return None
        row[found] += math.prod(weight for _, weight in levels) / len(found)
    return row
