"""Predictive values at a stated prevalence, from sensitivity and specificity (Bayes' rule).

The odds of a positive call being right are those of the prevalence times the ratio of two shares of
disjoint rows: sensitivity over 1 - specificity. Its interval follows from those of the two shares
(MOVER-R: Donner and Zou 2012, "Closed-form confidence intervals for functions of the normal mean
and standard deviation").
"""

from __future__ import annotations

import math

from reports.statistics.intervals import Interval

Share = tuple[float, Interval]


def ppv_at(prevalence: float, sensitivity: Share, specificity: Share) -> Share | None:
    """The positive predictive value; None where nothing would be called positive."""
    return _at(prevalence / (1 - prevalence), sensitivity, _complement(specificity))


def npv_at(prevalence: float, sensitivity: Share, specificity: Share) -> Share | None:
    """The negative predictive value; None where nothing would be called negative."""
    return _at((1 - prevalence) / prevalence, specificity, _complement(sensitivity))


def _complement(share: Share) -> Share:
    value, interval = share
    return 1 - value, Interval(1 - interval.high, 1 - interval.low)


def _at(odds: float, above: Share, below: Share) -> Share | None:
    (top, own), (bottom, other) = above, below
    if top == 0 and bottom == 0:
        return None
    low, high = _ratio_interval(top, own, bottom, other)
    value = math.inf if bottom == 0 else top / bottom
    return _probability(odds * value), Interval(_probability(odds * low), _probability(odds * high))


def _probability(odds: float) -> float:
    return 1.0 if math.isinf(odds) else odds / (1 + odds)


def _ratio_interval(
    top: float, own: Interval, bottom: float, other: Interval
) -> tuple[float, float]:
    """Of top / bottom, whose estimates are independent; infinite where the bottom may be 0."""
    product = top * bottom
    down = product**2 - own.low * other.high * (2 * top - own.low) * (2 * bottom - other.high)
    up = product**2 - own.high * other.low * (2 * top - own.high) * (2 * bottom - other.low)
    least, most = product + math.sqrt(max(0.0, down)), product + math.sqrt(max(0.0, up))
    # the lower end in a form that does not cancel where 2 * bottom is the upper end of the bottom
    low = own.low * (2 * top - own.low) / least if least > 0 else 0.0
    whole = other.low * (2 * bottom - other.low)
    return max(0.0, low), most / whole if whole > 0 else math.inf
