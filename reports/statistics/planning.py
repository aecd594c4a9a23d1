"""The number of trainings that a comparison of two configurations needs."""

from __future__ import annotations

import math

from scipy import special

from reports.statistics.intervals import CONFIDENCE

SMALLEST_DIFFERENCE = 0.05
"""Of two accuracies, that a reader would act on: an assumption, named wherever it is used."""

ASSUMED_SPREAD = 0.03
"""Standard deviation of the accuracy over trainings, assumed where a run cannot show it."""

POWER = 0.8
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
