"""Determine which values a printed metric can have: an accuracy is k of n correct, and the other
metrics are constrained by it.

All arithmetic is exact, on fractions of the printed values. A number may have been truncated or
rounded: both are accepted, so that a number called impossible is impossible.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

METRICS = ("accuracy", "precision", "recall", "f1")


@dataclass(frozen=True)
class Printed:
    """A metric as it was printed.

    Args:
        text: as printed.
        value: 0..1, whatever the unit.
        step: the value of one unit of the last printed digit, 0..1; next to nothing if exact.
        exact: printed as k/n.
        averaged: printed as a mean over several trainings may be, which is no k/n.
    """

    text: str
    value: Fraction
    step: Fraction
    exact: bool = False
    averaged: bool = False

    @property
    def lowest(self) -> Fraction:
        """The true number is not below this (rounded up by half a digit at most)."""
        return self.value - self.step / 2

    @property
    def limit(self) -> Fraction:
        """The true number is below this (truncated by less than a digit)."""
        return self.value + self.step

    @property
    def digits(self) -> int:
        """Printable values between 0 and 1, both included, less one."""
        return max(1, int(1 / self.step))

    @property
    def is_share(self) -> bool:
        """Whether it lies within 0..1, as every metric must."""
        return 0 <= self.value <= 1


@dataclass(frozen=True)
class Finding:
    """What is wrong with a row. `kind`: range | count | recall | f1 | repeated."""

    kind: str
    text: str
    possible: str = ""  # "574/594" where a multiple of n_test fits


@dataclass(frozen=True)
class Line:
    """A row of a table with its findings."""

    number: int  # 1 is the first row under the header
    label: str
    metrics: Mapping[str, Printed]
    accuracy: Printed | None  # weighted recall where no accuracy was printed
    n_test: int | None
    count: int | None  # k of k / n_test, if there is one
    copies: int | None  # a multiple of n_test that fits where n_test does not
    findings: tuple[Finding, ...]
    unread: tuple[str, ...] = ()  # cells that are not checked, and why

    @property
    def is_counted(self) -> bool:
        """Whether n_test decides if the accuracy is possible."""
        accuracy = self.accuracy
        return bool(accuracy and self.n_test and accuracy.is_share and not accuracy.averaged)

    @property
    def counted_name(self) -> str:
        """The metric that `accuracy` was printed as."""
        return "accuracy" if "accuracy" in self.metrics else "weighted recall"

    @property
    def is_impossible(self) -> bool:
        """Whether a finding rules the row out; one that repeats another row is only suspicious."""
        return any(finding.kind != "repeated" for finding in self.findings)


@dataclass(frozen=True)
class Rules:
    """Which rules hold for a table.

    Args:
        recall: recall is the mean over classes weighted by class size, which is the accuracy.
        f1: precision, recall and F1 are averaged over classes in the same way.
    """

    recall: bool = True
    f1: bool = True


def correct_count(value: Printed, n: int) -> int | None:
    """The k nearest to `value` for which k / n prints as it, truncated or rounded, or None.

    >>> correct_count(Printed("0.6363", Fraction("0.6363"), Fraction("0.0001")), 66)
    42
    """
    exactly = value.value * n
    near = sorted({math.floor(exactly), math.ceil(exactly)}, key=lambda k: abs(k - exactly))
    fits = (k for k in near if 0 <= k <= n and value.lowest * n <= k < value.limit * n)
    return next(fits, None)


@cache
def possible_share(n: int, digits: int) -> float:
    """Of the values that can be printed, those that some k / n prints as: the chance that a number
    made up at random passes as a count of n.

    Args:
        digits: the last digit is worth 1 / digits, as of `Printed.digits`.
    """
    if n >= digits:
        return 1.0
    truncated = {k * digits // n for k in range(n + 1)}
    rounded = {(2 * k * digits + n) // (2 * n) for k in range(n + 1)}
    return len(truncated | rounded) / (digits + 1)


def fitting_copies(value: Printed, n: int, factors: Iterable[int]) -> int | None:
    """The first m of `factors` for which some k / (m n) prints as `value`, or None."""
    return next((m for m in factors if correct_count(value, m * n) is not None), None)


def f1_bounds(precision: Printed, recall: Printed) -> tuple[Fraction, Fraction]:
    """What the mean F1 over classes can be, given mean precision and recall of the same weights.

    A class's F1 = 2pr / (p + r) is concave and at least p + r - 1. So its mean is at most the
    harmonic mean of the mean precision and recall (Jensen), and at least their sum less one; both
    are reached. Neither needs to know the weights.
    """
    p, r = min(precision.limit, Fraction(1)), min(recall.limit, Fraction(1))
    high = 2 * p * r / (p + r) if p + r else Fraction(0)
    return max(Fraction(0), precision.lowest + recall.lowest - 1), high


def check(
    number: int,
    label: str,
    metrics: Mapping[str, Printed],
    n_test: int | None,
    rules: Rules,
    factors: Sequence[int] = (),
) -> Line:
    """All findings of one row on its own.

    Args:
        metrics: those of `METRICS` that the row has.
        factors: multiples of n_test to try where n_test does not fit, the likeliest first.
    """
    accuracy = metrics.get("accuracy", metrics.get("recall") if rules.recall else None)
    count = correct_count(accuracy, n_test) if accuracy and n_test else None
    line = Line(number, label, metrics, accuracy, n_test, count, None, tuple(_outside(metrics)))
    if accuracy and n_test and line.is_counted and count is None:
        copies = fitting_copies(accuracy, n_test, factors)
        finding = _no_count(
            f"{line.counted_name} {accuracy.text}", accuracy, n_test, copies, factors
        )
        line = replace(line, copies=copies, findings=(*line.findings, finding))
    recall = _recall(metrics) if rules.recall else ()
    f1 = _f1(metrics, rules.recall) if rules.f1 else ()
    return replace(line, findings=(*line.findings, *recall, *f1))


def repeated(lines: Sequence[Line]) -> dict[int, int]:
    """Rows that equal an earlier one in n and in every metric, by number: the earlier one's number.

    Only rows with precision or F1 are reported: accuracies alone repeat by chance.
    """
    first: dict[tuple[object, ...], int] = {}
    found = {}
    for line in lines:
        key = (line.n_test, *((name, line.metrics[name].value) for name in sorted(line.metrics)))
        if not {"precision", "f1"} & set(line.metrics):
            continue
        if key in first:
            found[line.number] = first[key]
        first.setdefault(key, line.number)
    return found


def at_least(hits: int, chances: Sequence[float]) -> float:
    """Probability of at least `hits` successes of independent trials with these chances."""
    exactly = [1.0]  # exactly[k]: probability of k successes so far
    for chance in chances:
        longer = [0.0] * (len(exactly) + 1)
        for k, probability in enumerate(exactly):
            longer[k] += probability * (1 - chance)
            longer[k + 1] += probability * chance
        exactly = longer
    return min(1.0, sum(exactly[hits:]))


def _outside(metrics: Mapping[str, Printed]) -> Iterator[Finding]:
    for name, value in metrics.items():
        if not value.is_share:
            yield Finding("range", f"{name} {value.text} is outside 0 to 100 %")


def _no_count(
    name: str, accuracy: Printed, n: int, copies: int | None, factors: Sequence[int]
) -> Finding:
    text = f"{name} is impossible with n={n}"
    if copies:
        rows = n * copies
        k = correct_count(accuracy, rows)
        fraction = f"{k}/{rows}"
        return Finding("count", f"{text}, possible as {fraction} ({copies} x {n})", fraction)
    tried = f" and with up to {max(factors)} times as many" if factors else ""
    return Finding("count", text + tried)


def _recall(metrics: Mapping[str, Printed]) -> Iterator[Finding]:
    """Weighted recall is the share of all rows that are right, which is accuracy."""
    accuracy, recall = metrics.get("accuracy"), metrics.get("recall")
    if accuracy is None or recall is None:
        return
    if accuracy.limit <= recall.lowest or recall.limit <= accuracy.lowest:
        text = f"weighted recall {recall.text} must equal accuracy {accuracy.text}"
        yield Finding("recall", text)


def _f1(metrics: Mapping[str, Printed], recall_is_accuracy: bool) -> Iterator[Finding]:
    recall = metrics.get("recall", metrics.get("accuracy") if recall_is_accuracy else None)
    precision, f1 = metrics.get("precision"), metrics.get("f1")
    if recall is None or precision is None or f1 is None:
        return
    if not all(value.is_share for value in (recall, precision, f1)):
        return
    low, high = f1_bounds(precision, recall)
    if f1.lowest > high or f1.limit <= low:
        text = f"{float(max(low, Fraction(0))):.4f} to {float(high):.4f}"
        yield Finding(
            "f1",
            f"F1 {f1.text} is outside {text}, which precision {precision.text} and recall "
            f"{recall.text} allow",
        )
