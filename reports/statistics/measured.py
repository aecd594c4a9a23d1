"""Every metric of a cell, or of one configuration under several seeds and folds, with its interval.

Which interval a metric has was chosen by its measured coverage on simulated test sets of 38 to 250
groups (`python -m benchmarks statistics`): percentile intervals of F1 and ECE on 50 images cover
20 to 93 %, those below 90 to 97 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from reports.statistics import auroc
from reports.statistics.bootstrap import DRAWS, error_of_mean, generator, group_weights
from reports.statistics.intervals import (
    Error,
    Interval,
    bounded_interval,
    clustered_share_interval,
    share_interval,
)
from reports.statistics.measures import metrics_of, row_sums
from reports.statistics.outcomes import Outcomes

_WILSON, _CLUSTERED = "Wilson", "Wilson, groups"
_LOGIT, _BIASED, _DELONG = (
    "group bootstrap, logit",
    "group bootstrap, bias taken off",
    "DeLong over groups, logit",
)
_AVERAGED = ("precision", "f1", "macro_f1")


@dataclass(frozen=True)
class Measured:
    """A metric of one class, or (label '') of all rows; `interval` None where there is none."""

    label: str
    metric: str
    value: float | None
    interval: Interval | None
    method: str
    units: int  # groups of images that it rests on


def measure(
    repeats: Sequence[Outcomes], classes: Sequence[str], name: object, draws: int = DRAWS
) -> list[Measured]:
    """All metrics of the mean over `repeats`, which differ in seed and fold only.

    Args:
        classes: names, in the order of the labels.
        name: what the random numbers depend on.
    """
    sample = _Sample(repeats, name, draws)
    areas = [[auroc.one_vs_rest(one, i) for i in range(sample.classes)] for one in repeats]
    whole = [auroc.weighted(one, own) for one, own in zip(repeats, areas, strict=True)]
    overall = [_accuracy(sample), _recall(sample), *_averages(sample), _area(sample, whole, "")]
    of_classes = [
        one
        for number, label in enumerate(classes)
        for one in (
            *_class_shares(sample, number, label),
            _area(sample, [own[number] for own in areas], label),
        )
    ]
    return [*overall, *of_classes]


class _Sample:
    """The repeats' sums by group, and the metrics with the groups resampled in all at once."""

    def __init__(self, repeats: Sequence[Outcomes], name: object, draws: int) -> None:
        self.repeats = repeats
        self.classes = repeats[0].classes
        every = np.concatenate([one.groups for one in repeats])
        known, numbers = np.unique(every, return_inverse=True)
        ends = np.cumsum([len(one.groups) for one in repeats])[:-1]
        self.numbers = np.split(numbers, ends)
        self.groups = len(known)
        self.weights = group_weights(self.groups, generator(name), draws)
        self.sums = [self.by_group(i, row_sums(one)) for i, one in enumerate(repeats)]
        self.alone = len(repeats) == 1 and self.groups == len(every)

    @cached_property
    def values(self) -> list[dict[str, float]]:
        """One for each repeat."""
        found = [metrics_of(one.sum(axis=0, keepdims=True), self.classes) for one in self.sums]
        return [{metric: float(value[0]) for metric, value in one.items()} for one in found]

    @cached_property
    def resampled(self) -> list[dict[str, np.ndarray]]:
        return [metrics_of(self.weights @ one, self.classes) for one in self.sums]

    def by_group(self, repeat: int, rows: np.ndarray) -> np.ndarray:
        """(n, columns) -> (groups, columns)."""
        sums = np.zeros((self.groups, rows.shape[1]))
        np.add.at(sums, self.numbers[repeat], rows)
        return sums

    def error(self, metric: str) -> tuple[float, float, Error]:
        """Mean, bias and standard error of a metric."""
        values = np.array([one[metric] for one in self.values])
        draws = np.stack([one[metric] for one in self.resampled], axis=1)
        bias = float((draws - values).mean())
        return float(values.mean()), bias, error_of_mean(values, draws, self.groups)

    def linear_error(
        self, values: Sequence[float], influences: Sequence[np.ndarray], units: int | None = None
    ) -> Error:
        """Standard error of the mean of numbers of which each group's part (groups,) is known.

        `units`: the groups that its precision rests on, where these are fewer than all.
        """
        number, units = np.array(values), units or self.groups
        if len(number) == 1:
            few = units / max(1, units - 1)
            spread = math.sqrt(float((influences[0] ** 2).sum()) * few)
            return Error(spread, max(1, units - 1))
        draws = number + (self.weights - 1) @ np.stack(influences, axis=1)
        return error_of_mean(number, draws, units)


def _accuracy(sample: _Sample) -> Measured:
    value, _, error = sample.error("accuracy")
    if sample.alone:
        return _overall(sample, "accuracy", value, share_interval(value, sample.groups), _WILSON)
    interval = _bounded(sample, value, error)
    return _overall(sample, "accuracy", value, interval, _LOGIT)


def _recall(sample: _Sample) -> Measured:
    """Weighted by class size it is the accuracy."""
    return replace(_accuracy(sample), metric="recall")


def _averages(sample: _Sample) -> Iterator[Measured]:
    least = sample.error("accuracy")[2].value  # no average over classes is surer than accuracy
    for metric in _AVERAGED:
        value, bias, error = sample.error(metric)
        whole = Error(max(math.hypot(error.value, bias), least), error.degrees)
        yield _overall(sample, metric, value, _bounded(sample, value, whole), _LOGIT)
    value, _, error = sample.error("brier")
    yield _overall(sample, "brier", value, _bounded(sample, value, error, 2.0), _LOGIT)
    yield _calibration(sample)


def _calibration(sample: _Sample) -> Measured:
    """ECE is too large on few rows, as much again when they are resampled: the interval lies about
    what is left when that is taken off."""
    value, bias, error = sample.error("ece")
    half = 2.0 * math.hypot(error.value, bias)
    interval = Interval(max(0.0, value - bias - half), min(1.0, value - bias + half))
    return _overall(sample, "ece", value, interval, _BIASED)


def _bounded(sample: _Sample, value: float, error: Error, top: float = 1.0) -> Interval:
    if 0 < value < top and error.value > 0:
        return bounded_interval(value, error, top)
    end = share_interval(min(1.0, value / top), sample.groups)
    return Interval(top * end.low, top * end.high)


def _overall(
    sample: _Sample, metric: str, value: float, interval: Interval | None, method: str
) -> Measured:
    return Measured("", metric, value, interval, method, sample.groups)


def _class_shares(sample: _Sample, number: int, label: str) -> Iterator[Measured]:
    """precision, recall and f1 of one class: shares of the rows predicted as it, labelled as it,
    and (by way of the Jaccard index J, f1 = 2 J / (1 + J)) either."""
    k = sample.classes
    for metric in ("precision", "recall", "f1"):
        parts = [(s[:, number], s[:, k + number], s[:, 2 * k + number]) for s in sample.sums]
        wholes = {
            "precision": [p for _, _, p in parts],
            "recall": [label_ for _, label_, _ in parts],
            "f1": [label_ + p - right for right, label_, p in parts],
        }[metric]
        yield _class_share(sample, label, metric, [right for right, _, _ in parts], wholes)


def _class_share(
    sample: _Sample,
    label: str,
    metric: str,
    rights: Sequence[np.ndarray],
    wholes: Sequence[np.ndarray],
) -> Measured:
    pairs = [(a, b) for a, b in zip(rights, wholes, strict=True) if b.sum() > 0]
    if not pairs:
        return Measured(label, metric, None, None, "", 0)
    shares = [float(a.sum() / b.sum()) for a, b in pairs]
    share = float(np.mean(shares))
    rows = float(sum(b.sum() for _, b in pairs))
    units = int(np.any([b > 0 for _, b in pairs], axis=0).sum())
    if sample.alone:
        interval, method = share_interval(share, rows), _WILSON
    else:
        influences = [(a - s * b) / b.sum() for (a, b), s in zip(pairs, shares, strict=True)]
        error = sample.linear_error(shares, influences)
        interval = clustered_share_interval(share, error, rows, units)
        method = _CLUSTERED
    if metric != "f1":
        return Measured(label, metric, share, interval, method, units)
    value = float(np.mean([_f1(one) for one in shares]))
    return Measured(
        label, metric, value, Interval(_f1(interval.low), _f1(interval.high)), method, units
    )


def _f1(jaccard: float) -> float:
    return 2 * jaccard / (1 + jaccard)


def _area(sample: _Sample, areas: Sequence[auroc.Area | None], label: str) -> Measured:
    """AUROC of all repeats, where each has one."""
    found = [area for area in areas if area is not None]
    if len(found) < len(areas):
        return Measured(label, "auroc", None, None, "", 0)
    value = float(np.mean([area.value for area in found]))
    smaller = min(area.smaller for area in found)
    if value in (0.0, 1.0):
        return Measured(
            label, "auroc", value, share_interval(value, smaller), _WILSON, sample.groups
        )
    influences = [sample.by_group(i, area.influence[:, None])[:, 0] for i, area in enumerate(found)]
    # of one class against the rest: a class of nine groups says no more than nine groups do
    units = smaller if label or sample.classes == 2 else sample.groups
    error = sample.linear_error([area.value for area in found], influences, units)
    interval = _bounded(sample, value, error)
    return Measured(label, "auroc", value, interval, _DELONG, sample.groups)
