"""Every metric of a cell, or of one configuration over its trainings, with its interval.

Which interval a metric has was chosen by its measured coverage on simulated test sets
(`python -m benchmarks statistics`, docs/explanation/statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reports.statistics import auroc
from reports.statistics.intervals import (
    Error,
    Interval,
    bounded_interval,
    clustered_share_interval,
    share_interval,
)
from reports.statistics.panel import Numbers, Panel, Positions
from reports.statistics.spreads import spreads_of
from reports.statistics.training import IMAGES, TRAINED, Spread, Spreads

_WILSON, _CLUSTERED = "Wilson", "Wilson, groups"
_LOGIT, _BIASED, _DELONG = (
    "group bootstrap, logit",
    "group bootstrap, bias taken off",
    "DeLong over groups, logit",
)
_AVERAGED = ("precision", "f1", "macro_f1")
_CALIBRATED = 0.975  # quantile of the calibration error of labels drawn from the probabilities

Name = tuple[str, str]  # label ('' of all rows) and metric


@dataclass(frozen=True)
class Measured:
    """A metric of one class, or (label '') of all rows; `interval` None where there is none."""

    label: str
    metric: str
    value: float | None
    interval: Interval | None
    method: str
    units: int  # groups of images that it rests on
    covers: str  # images | images+trainings


class Metrics:
    """All metrics of a panel's cells."""

    def __init__(self, panel: Panel, classes: Sequence[str]) -> None:
        """`classes`: names, in the order of the labels; of the first ones, if not of all."""
        self.panel, self.classes = panel, classes
        areas = [
            [auroc.one_vs_rest(one, i) for i in range(panel.classes)] for one in panel.outcomes
        ]
        whole = [auroc.weighted(one, own) for one, own in zip(panel.outcomes, areas, strict=True)]
        self.areas = {"": whole} | {
            label: [own[number] for own in areas] for number, label in enumerate(classes)
        }
        names = ("accuracy", *_AVERAGED, "ece", "brier")
        self.numbers: dict[Name, Numbers] = {("", name): panel.overall(name) for name in names}
        for label, own in self.areas.items():
            self.numbers[label, "auroc"] = panel.areas(own)
        for number, label in enumerate(classes):
            for metric in ("precision", "recall", "f1"):
                self.numbers[label, metric] = panel.shares(*self.counts(number, metric))

    def counts(self, number: int, metric: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Of each cell by group: rows that are right, and those that they are a share of. For f1
        these give the Jaccard index J: f1 = 2 J / (1 + J)."""
        k = self.panel.classes
        right, label, predicted = (
            [sums[:, i * k + number] for sums in self.panel.sums] for i in range(3)
        )
        either = [a + b - c for a, b, c in zip(label, predicted, right, strict=True)]
        return right, {"precision": predicted, "recall": label, "f1": either}[metric]

    def spreads(self) -> dict[Name, Spreads]:
        """How far the trainings of a configuration lie apart in each metric."""
        panel = self.panel
        return {
            name: spreads_of(one.values, one.draws, one.scale, panel.design, panel.groups)
            for name, one in self.numbers.items()
        }

    def measure(self, own: Positions, spreads: Mapping[Name, Spread | None]) -> list[Measured]:
        """All metrics of the mean over the cells at `own`, of one configuration.

        Args:
            spreads: of trainings; where one is missing the interval covers the test images only.
        """
        mean = _Mean(self, own, spreads)
        overall = [mean.accuracy(), mean.recall(), *mean.averages(), mean.area("")]
        of_classes = [
            one
            for number, label in enumerate(self.classes)
            for one in (*mean.class_shares(number, label), mean.area(label))
        ]
        return [*overall, *of_classes]


@dataclass(frozen=True)
class _Mean:
    """The mean over some cells."""

    metrics: Metrics
    own: Positions
    spreads: Mapping[Name, Spread | None]

    @property
    def groups(self) -> int:
        return int(self.metrics.panel.tested[list(self.own)].any(axis=0).sum())

    @property
    def rows(self) -> int:
        return sum(len(self.metrics.panel.outcomes[i].labels) for i in self.own)

    def lone(self, name: Name) -> bool:
        """Whether each row is a group of its own, tested once, and nothing else varies."""
        return self.groups == self.rows and self.spreads.get(name) is None

    def value(self, name: Name) -> float:
        return float(self.metrics.numbers[name].values[list(self.own)].mean())

    def error(self, name: Name, units: int | None = None) -> Error:
        numbers = self.metrics.numbers[name]
        return self.metrics.panel.error(numbers, self.own, self.spreads.get(name), units)

    def bias(self, name: Name) -> float:
        numbers, at = self.metrics.numbers[name], list(self.own)
        return float(np.nanmean(numbers.draws[:, at] - numbers.values[at]))

    def told(
        self, name: Name, value: float | None, interval: Interval | None, method: str, units: int
    ) -> Measured:
        covers = IMAGES if self.spreads.get(name) is None else TRAINED
        return Measured(*name, value, interval, method, units, covers)

    def accuracy(self) -> Measured:
        name = ("", "accuracy")
        value = self.value(name)
        if self.lone(name):
            found = share_interval(value, self.groups)
            return self.told(name, value, found, _WILSON, self.groups)
        error = self.error(name)
        if self.spreads.get(name) is None:
            found = clustered_share_interval(value, error, self.rows, self.groups)
            return self.told(name, value, found, _CLUSTERED, self.groups)
        return self.told(name, value, self.bounded(name, error), _LOGIT, self.groups)

    def recall(self) -> Measured:
        """Weighted by class size it is the accuracy."""
        return replace(self.accuracy(), metric="recall")

    def averages(self) -> Iterator[Measured]:
        least = self.error(("", "accuracy")).value  # no average over classes is surer
        for metric in _AVERAGED:
            name = ("", metric)
            error = self.error(name)
            whole = Error(max(math.hypot(error.value, self.bias(name)), least), error.degrees)
            found = self.bounded(name, whole)
            yield self.told(name, self.value(name), found, _LOGIT, self.groups)
        name = ("", "brier")
        found = self.bounded(name, self.error(name), 2.0)
        yield self.told(name, self.value(name), found, _LOGIT, self.groups)
        yield self.calibration()

    def calibration(self) -> Measured:
        """ECE is too large on few rows, as much again when they are resampled: the interval lies
        about what is left when that is taken off. Its lower end takes off what chance alone gives
        to probabilities that are right, as the observed gaps are at most the true ones and chance
        together: 0 where chance explains all."""
        name = ("", "ece")
        value, bias, error = self.value(name), self.bias(name), self.error(name)
        half = 2.0 * math.hypot(error.value, bias)
        drawn = self.metrics.panel.labels_drawn(self.own, len(self.metrics.numbers[name].draws))
        by_chance = float(np.quantile(drawn, _CALIBRATED))
        low = max(0.0, value - max(by_chance, bias + half))
        high = min(1.0, value - bias + half)
        return self.told(name, value, Interval(low, max(high, low)), _BIASED, self.groups)

    def bounded(self, name: Name, error: Error, top: float = 1.0) -> Interval:
        value = self.value(name)
        if 0 < value < top and error.value > 0:
            return bounded_interval(value, error, top)
        end = share_interval(min(1.0, value / top), self.groups)
        return Interval(top * end.low, top * end.high)

    def class_shares(self, number: int, label: str) -> Iterator[Measured]:
        """precision, recall and f1 of one class: shares of the rows predicted as it, labelled as
        it, and, by way of the Jaccard index, either."""
        for metric in ("precision", "recall", "f1"):
            yield self._class_share(number, (label, metric))

    def _class_share(self, number: int, name: Name) -> Measured:
        """Of the cells in which it exists."""
        values = self.metrics.numbers[name].values
        known = [i for i in self.own if not np.isnan(values[i])]
        if not known:
            return self.told(name, None, None, "", 0)
        share = float(values[known].mean())
        wholes = [self.metrics.counts(number, name[1])[1][i] for i in known]
        rows = float(sum(one.sum() for one in wholes))
        units = int(np.any([one > 0 for one in wholes], axis=0).sum())
        if self.lone(name):
            interval, method = share_interval(share, rows), _WILSON
        else:
            error = replace(self, own=known).error(name)
            interval = clustered_share_interval(share, error, rows, units)
            method = _CLUSTERED
        if name[1] != "f1":
            return self.told(name, share, interval, method, units)
        value = float(np.mean([_f1(one) for one in values[known]]))
        ends = Interval(_f1(interval.low), _f1(interval.high))
        return self.told(name, value, ends, method, units)

    def area(self, label: str) -> Measured:
        """AUROC, where each of the cells has one."""
        name = (label, "auroc")
        found = [self.metrics.areas[label][i] for i in self.own]
        areas = [one for one in found if one is not None]
        if len(areas) < len(found):
            return self.told(name, None, None, "", 0)
        value, smaller = self.value(name), min(one.smaller for one in areas)
        if value in (0.0, 1.0):
            return self.told(name, value, share_interval(value, smaller), _WILSON, self.groups)
        # of one class against the rest: a class of nine groups says no more than nine groups do
        units = smaller if label or self.metrics.panel.classes == 2 else None
        found_interval = self.bounded(name, self.error(name, units))
        return self.told(name, value, found_interval, _DELONG, self.groups)


def _f1(jaccard: float) -> float:
    return 2 * jaccard / (1 + jaccard)
