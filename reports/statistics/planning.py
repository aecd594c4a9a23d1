"""The number of trainings that a comparison of two configurations needs, and of test images that a
share needs."""

from __future__ import annotations

import math

from scipy import special

from reports.statistics.intervals import CONFIDENCE, Interval

SMALLEST_DIFFERENCE = 0.05
"""Of two accuracies, that a reader would act on: an assumption, named wherever it is used."""

ASSUMED_SPREAD = 0.03
"""Standard deviation of the accuracy over trainings, assumed where a run cannot show it."""

POWER = 0.8
WANTED_HALF_WIDTH = 0.05
"""Of the interval of a share, for which `groups_needed` gives the number of groups."""

_Z = float(special.ndtri(0.5 + CONFIDENCE / 2) + special.ndtri(POWER))


def trainings_needed(spread: float, difference: float = SMALLEST_DIFFERENCE) -> int:
    """Of each of two configurations, so that `difference` is found with a chance of `POWER` at the
    level of 5 %, were test images no limit: 2 (z spread / difference)^2, and never fewer than two.

    Args:
        spread: standard deviation over trainings of one configuration.
    """
    return max(2, math.ceil(2 * (_Z * spread / difference) ** 2))


def resolved_by(error: float) -> float:
    """The difference that is found with a chance of `POWER` at the level of 5 %, given the standard
    error of a difference."""
    return _Z * error


def groups_needed(
    share: float, interval: Interval, groups: int, half_width: float = WANTED_HALF_WIDTH
) -> int | None:
    """Groups at which the interval of `share` would be +- `half_width`, if the share stays and new
    groups are like the tested ones; None where the interval is as wide as it can be.

    Args:
        interval: Wilson's, with as many independent rows as its width implies.
        groups: that it rests on.
    """
    effective = _rows_of(share, interval.half_width)
    if effective is None or not groups:
        return None
    wanted = _rows_of(share, half_width)
    assert wanted is not None
    return math.ceil(groups * wanted / effective - 1e-9)


def _rows_of(share: float, half_width: float) -> float | None:
    """The n at which Wilson's interval has this half width: with x = z^2 / n, the positive root of
    (h^2 - 1/4) x^2 + (2 h^2 - p (1 - p)) x + h^2 = 0."""
    square, variance = half_width**2, share * (1 - share)
    a, b = square - 0.25, 2 * square - variance
    if a >= 0:
        return None
    x = (-b - math.sqrt(b * b - 4 * a * square)) / (2 * a)
    return float(special.ndtri(0.5 + CONFIDENCE / 2)) ** 2 / x
