"""95 % intervals of shares and of differences of shares, in closed form. Shares are 0..1."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Error:
    """A standard error, and how many degrees of freedom it is known with."""

    value: float
    degrees: float


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


def wilson(correct: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson score interval for a proportion (Wilson 1927), without continuity correction."""
    if not 0 <= correct <= n or n < 1:
        raise ValueError(f"correct={correct}, n={n}: expected 0 <= correct <= n and n >= 1")
    return share_interval(correct / n, n, confidence)


def share_interval(share: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Wilson score interval of a share that need not be a whole number of n, as of a mean."""
    z = float(special.ndtri(0.5 + confidence / 2))
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(0.0 if share == 0 else centre - half, 1.0 if share == 1 else centre + half)


def accuracy_interval(accuracy: float, n: int) -> Interval:
    """95 % Wilson interval of an accuracy measured on n test rows, drawn independently."""
    return wilson(round(accuracy * n), n)


def difference_interval(accuracy: float, n: int, reference: float, n_reference: int) -> Interval:
    """95 % interval of a difference of two accuracies on different test rows: Newcombe's hybrid of
    the two Wilson intervals (Newcombe 1998, method 10)."""
    own, other = share_interval(accuracy, n), share_interval(reference, n_reference)
    return hybrid_interval(accuracy, own, reference, other)


def hybrid_interval(accuracy: float, own: Interval, reference: float, other: Interval) -> Interval:
    """Interval of the difference of two independent shares from the intervals of both."""
    difference = accuracy - reference
    down = math.hypot(accuracy - own.low, other.high - reference)
    up = math.hypot(own.high - accuracy, reference - other.low)
    return Interval(difference - down, difference + up)


def p_of_interval(value: float, interval: Interval) -> float:
    """Two-sided p of no difference that agrees with a 95 % interval: below 0.05 if and only if the
    interval leaves out 0. From the distance between the value and its end towards 0, as that of a
    normal distribution."""
    towards = value - interval.low if value > 0 else interval.high - value
    if towards <= 0:
        return 1.0 if value == 0 else 0.0
    z = float(special.ndtri(0.5 + CONFIDENCE / 2)) * abs(value) / towards
    return float(2 * special.ndtr(-z))


def clustered_share_interval(share: float, error: Error, rows: float, clusters: int) -> Interval:
    """Wilson interval of a share whose rows come in clusters.

    The n of the formula is the number of independent rows that would vary as much, never above
    `rows`, and made smaller where the error is known with few degrees of freedom (Korn and
    Graubard 1998; Franco et al. 2019).

    Args:
        share: the estimate, 0..1. At 0 or 1 its error says nothing, and clusters count as rows.
        error: of `share`, clusters taken as the units.
    """
    variance = share * (1 - share)
    if not variance:
        return share_interval(share, clusters)
    effective = min(rows, variance / error.value**2) if error.value > 0 else float(clusters)
    smaller = (float(special.ndtri(0.975)) / _quantile(error)) ** 2
    return share_interval(share, max(1.0, effective * smaller))


def bounded_interval(value: float, error: Error, top: float = 1.0) -> Interval:
    """95 % interval value +- t * error, taken on the logit scale of 0..top and brought back, so
    that it stays inside and leans away from the nearer end. `value`: strictly in 0..top."""
    share = value / top
    middle = math.log(share / (1 - share))
    half = _quantile(error) * error.value / top / (share * (1 - share))
    return Interval(top * _expit(middle - half), top * _expit(middle + half))


def difference_of(value: float, error: Error, span: float = 1.0) -> Interval:
    """95 % interval value +- t * error of a difference of two numbers of a range that is `span`
    wide, as 1 for shares."""
    half = _quantile(error) * error.value
    return Interval(max(-span, value - half), min(span, value + half))


def unbounded_interval(value: float, error: Error, low: float = -math.inf) -> Interval:
    """95 % interval value +- t * error of a number that nothing bounds above, and `low` below."""
    half = _quantile(error) * error.value
    return Interval(max(low, value - half), value + half)


def p_value(value: float, error: Error) -> float:
    """Two-sided, of Student's t, that a difference of nothing would be as far from 0."""
    if error.value == 0:
        return 1.0 if value == 0 else 0.0
    return float(2 * special.stdtr(error.degrees, -abs(value) / error.value))


def _quantile(error: Error) -> float:
    """Of Student's t: how many standard errors make 95 %."""
    return float(special.stdtrit(error.degrees, 0.975))


def _expit(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0
