"""Resampling of test groups: the same draw for every cell that tests them, so that images shared by
cells do not count as many observations."""

from __future__ import annotations

import hashlib
import math

import numpy as np

from reports.statistics.intervals import Error

DRAWS = 1000


def generator(*name: object) -> np.random.Generator:
    """A random generator seeded by the name of its use alone."""
    digest = hashlib.sha256(repr(name).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def group_weights(groups: int, rng: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    """The number of times each of `groups` groups is drawn, with replacement: (draws, groups)."""
    return rng.multinomial(groups, np.full(groups, 1 / groups), size=draws).astype(float)


def error_of(draws: np.ndarray, groups: int) -> Error:
    """Of one number, from its values (draws,) with the groups resampled."""
    spread = float(np.nanstd(draws, ddof=1))
    return Error(spread * math.sqrt(groups / max(1, groups - 1)), max(1, groups - 1))


def heavy_tailed(parts: np.ndarray) -> float:
    """Degrees of freedom of the variance of a sum of `parts`, one a group: fewer than groups where
    a few of them make most of it, as mistakes do in a score that is otherwise near 0. From the
    kurtosis, which is what the variance of a variance depends on."""
    squares = float((parts**2).sum())
    n = int((parts != 0).sum())
    if squares == 0 or n < 4:
        return float(max(1, n - 1))
    kurtosis = len(parts) * float((parts**4).sum()) / squares**2
    return 2 * len(parts) / max(2.0, kurtosis - (len(parts) - 3) / (len(parts) - 1))


def error_of_mean(values: np.ndarray, draws: np.ndarray, groups: int) -> Error:
    """The error of the mean of several numbers that share test groups: seeds, folds, matched cells.

    Two things vary: the tested groups, and the source of each number (a training, a split, a
    configuration). The first is the spread of the mean over the draws. The second is the spread of
    the numbers beyond what the draws alone cause (Owen 2007; Satterthwaite 1946 for the degrees of
    freedom).

    Args:
        values: (numbers,).
        draws: (draws, numbers), the same groups resampled in all numbers at once.
    """
    shared = error_of(draws.mean(axis=1), groups)
    count = len(values)
    if count < 2:
        return shared
    apart = float(values.var(ddof=1)) / count
    by_chance = float((draws - values).var(axis=1, ddof=1).mean()) / count
    own = max(0.0, apart - by_chance)
    total = shared.value**2 + own
    if total == 0:
        return Error(0.0, shared.degrees)
    uncertain = shared.value**4 / shared.degrees + (apart**2 / (count - 1) if own else 0.0)
    return Error(math.sqrt(total), max(1.0, total**2 / uncertain))
