"""The table `map_verdicts`: what the checks of attribution maps say of each explained champion.

Means over images, with 95 % intervals of their difference from the reference; groups of images are
resampled. A conclusion needs `LEAST` groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from reports.derived.tested import group_numbers
from reports.statistics import Interval
from reports.statistics.bootstrap import error_of, generator, group_weights
from reports.statistics.intervals import unbounded_interval
from reports.tables import CELL

Row = dict[str, Any]

LEAST = 5
"""Groups of images below which nothing is concluded."""
RETAINED = 0.2
"""Share of the similarity beyond that of two images' maps that shuffled weights may leave."""
MOST_RETAINED = 0.5
"""Share from which on maps are said not to depend on the weights."""

WHOLE_NETWORK = "whole network"
"""What a randomisation is against when all weights are shuffled."""

DEPENDS, IN_PART, INDEPENDENT = "depends", "depends in part", "does not depend"
BETTER, WORSE, AGREES, DIFFERS = "better", "worse", "agrees", "differs"
UNDECIDED, TOO_FEW = "undecided", "too few images"

_HIGHER, _LOWER = ("insertion",), ("deletion", "infidelity")
_SIMILAR = ("baselines", "methods", "seeds")


def map_verdict_rows(tables: Mapping[str, pd.DataFrame]) -> Iterator[Row]:
    """A row for each cell, method, check and what it is against, sorted."""
    groups = group_numbers(tables["images"])
    names = [*CELL, "method", "check", "against"]
    checks = tables["map_checks"].sort_values([*CELL, "method", "check", "against", "image_id"])
    for key, rows in checks.groupby(names, dropna=False, sort=False):
        found = dict(zip(names, key, strict=True))
        units = np.array([groups[image_id] for image_id in rows["image_id"]])
        yield {**found, **_verdict(str(found["check"]), rows, units)}


def _verdict(check: str, rows: pd.DataFrame, units: np.ndarray) -> Row:
    value, reference = rows["value"].to_numpy(float), rows["reference"].to_numpy(float)
    is_compared = not np.isnan(reference).any()
    differences = value - reference if is_compared else value
    interval = mean_interval(differences, units)
    count = len(np.unique(units))
    kind = check.removesuffix("_signed")
    mean = float(reference.mean()) if is_compared else None
    return {
        "value": float(value.mean()),
        "reference": mean,
        "difference": float(differences.mean()) if is_compared else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "images": rows["image_id"].nunique(),
        "units": count,
        "conclusion": TOO_FEW if count < LEAST else _conclusion(kind, interval, mean),
    }


def mean_interval(values: np.ndarray, units: np.ndarray) -> Interval | None:
    """95 % interval of the mean of values (n,), groups `units` (n,) resampled; None below three
    groups, which is fewer than two degrees of freedom."""
    numbers, index = np.unique(units, return_inverse=True)
    if len(numbers) < 3:
        return None
    sums, counts = np.bincount(index, values), np.bincount(index)
    weights = group_weights(len(numbers), generator("map_verdicts", len(numbers)))
    draws = weights @ sums / (weights @ counts)
    return unbounded_interval(float(values.mean()), error_of(draws, len(numbers)))


def _conclusion(check: str, interval: Interval | None, reference: float | None) -> str:
    if interval is None or reference is None:
        return ""
    if check == "randomisation":
        return _dependence(interval, reference)
    if check in _SIMILAR:
        return AGREES if interval.low > 0 else DIFFERS if interval.high < 0 else UNDECIDED
    is_better, is_worse = interval.high < 0, interval.low > 0
    if check in _HIGHER:
        is_better, is_worse = is_worse, is_better
    return BETTER if is_better else WORSE if is_worse else UNDECIDED


def _dependence(interval: Interval, reference: float) -> str:
    """By the share of the similarity beyond that of two images' maps which is left: 0 with nothing
    of it, 1 with the very same map."""
    whole = max(1e-9, 1 - reference)
    low, high = interval.low / whole, interval.high / whole
    if high < RETAINED:
        return DEPENDS
    if low > MOST_RETAINED:
        return INDEPENDENT
    return IN_PART if low > RETAINED else UNDECIDED
