"""How sure we can be: Wilson intervals, and paired differences between matched cells.

Accuracies are 0..1. Differences are taken between cells that agree in everything but one
factor, seed and fold included; seeds and folds are averaged then, so that repeating a cell does
not make it count twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

FACTORS = ("split_policy", "backbone", "weights", "scenario", "augmented", "strategy")
_BOOTSTRAP_DRAWS = 10_000


@dataclass(frozen=True)
class Interval:
    """A two-sided interval."""

    low: float
    high: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Effect:
    """Mean accuracy difference of `level` against `reference` over `pairs` matched cells."""

    factor: str
    level: str
    reference: str
    mean: float
    interval: Interval | None  # None with fewer than two pairs
    pairs: int


@dataclass(frozen=True)
class LevelMean:
    """Mean accuracy of one level over matched cells, which are of `scenarios`."""

    level: str
    mean: float
    pairs: int
    scenarios: tuple[str, ...]


def wilson(correct: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson score interval for a proportion (Wilson 1927), without continuity correction."""
    if not 0 <= correct <= n or n < 1:
        raise ValueError(f"correct={correct}, n={n}: expected 0 <= correct <= n and n >= 1")
    return share_interval(correct / n, n, confidence)


def share_interval(share: float, n: int, confidence: float = 0.95) -> Interval:
    """Wilson score interval of a share that need not be a whole number of n, as of a mean."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(0.0 if share == 0 else centre - half, 1.0 if share == 1 else centre + half)


def accuracy_interval(accuracy: float, n: int) -> Interval:
    """95 % Wilson interval of an accuracy measured on n test rows."""
    return wilson(round(accuracy * n), n)


def difference_interval(accuracy: float, n: int, reference: float, n_reference: int) -> Interval:
    """95 % interval of a difference of two accuracies on different test rows: Newcombe's hybrid of
    the two Wilson intervals (Newcombe 1998, method 10)."""
    own, other = share_interval(accuracy, n), share_interval(reference, n_reference)
    difference = accuracy - reference
    down = math.hypot(accuracy - own.low, other.high - reference)
    up = math.hypot(own.high - accuracy, reference - other.low)
    return Interval(difference - down, difference + up)


def bootstrap_mean(differences: Sequence[float], seed: int = 0) -> Interval | None:
    """95 % percentile bootstrap interval of the mean; None with fewer than two differences."""
    if len(differences) < 2:
        return None
    values = np.asarray(differences, dtype=float)
    picks = np.random.default_rng(seed).integers(
        0, len(values), size=(_BOOTSTRAP_DRAWS, len(values))
    )
    low, high = np.quantile(values[picks].mean(axis=1), [0.025, 0.975])
    return Interval(float(low), float(high))


def paired_effect(cells: pd.DataFrame, factor: str, level: object, reference: object) -> Effect:
    """Accuracy of `level` minus that of `reference`, over the cells that have both."""
    table = _matched(cells, factor, [level, reference])
    return _effect(factor, level, str(reference), list(table[level] - table[reference]))


def level_effects(cells: pd.DataFrame, factor: str) -> list[Effect]:
    """Each level minus the mean of the other levels, over the cells that have every level."""
    table = _matched(cells, factor, list(dict.fromkeys(_done(cells)[factor])))
    effects = []
    for level in table.columns:
        others = table.drop(columns=level).mean(axis=1)
        effects.append(_effect(factor, level, "the others", list(table[level] - others)))
    return effects


def level_means(cells: pd.DataFrame, factor: str, levels: Sequence[str]) -> list[LevelMean]:
    """Mean accuracy of each of `levels` over the cells that have them all."""
    table = _matched(cells, factor, levels)
    if table.empty:
        return []
    scenarios = tuple(sorted(set(table.index.get_level_values("scenario"))))
    return [LevelMean(one, float(table[one].mean()), len(table), scenarios) for one in levels]


def _done(cells: pd.DataFrame) -> pd.DataFrame:
    return cells[(cells["state"] == "done") & cells["accuracy"].notna()]


def _matched(cells: pd.DataFrame, factor: str, levels: Sequence[object]) -> pd.DataFrame:
    """Accuracy of the cells that are done at every level: a row for each match, its seeds and folds
    averaged, and a column for each level."""
    others = [name for name in FACTORS if name != factor]
    if factor == "backbone":
        others.remove("weights")  # a backbone brings its weights with it
    table = _done(cells).pivot_table(
        index=[*others, "seed", "fold"], columns=factor, values="accuracy", aggfunc="mean"
    )
    return table.reindex(columns=list(levels)).dropna().groupby(level=others).mean()


def _effect(factor: str, level: object, reference: str, differences: list[float]) -> Effect:
    mean = float(np.mean(differences)) if differences else math.nan
    return Effect(
        factor, str(level), reference, mean, bootstrap_mean(differences), len(differences)
    )
