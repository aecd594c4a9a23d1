"""Every metric of a cell, or of one configuration over its trainings, with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reports.metrics import METRICS, Metric
from reports.statistics.intervals import Error, Interval, bounded_interval, share_interval
from reports.statistics.panel import Numbers, Panel, Positions
from reports.statistics.spreads import spreads_of
from reports.statistics.training import IMAGES, TRAINED, Spread, Spreads

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
    """The metrics of a panel's cells that have intervals."""

    def __init__(
        self, panel: Panel, classes: Sequence[str], metrics: Sequence[Metric] = METRICS
    ) -> None:
        """`classes`: names, in the order of the labels; of the first ones, if not of all."""
        self.panel, self.classes = panel, classes
        self.metrics = [metric for metric in metrics if metric.interval]
        self.numbers: dict[Name, Numbers] = {
            ("", metric.name): metric.function.numbers(panel) for metric in self.metrics
        }
        for number, label in enumerate(classes):
            for metric in self.metrics:
                if metric.of_class:
                    self.numbers[label, metric.name] = metric.of_class.numbers(panel, number)

    def spreads(self) -> dict[Name, Spreads]:
        """The spread of the trainings of a configuration in each metric."""
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
        return list(self._measured(Mean(self, own, spreads)))

    def _measured(self, mean: Mean) -> Iterator[Measured]:
        for metric in self.metrics:
            if metric.interval and not np.isnan(mean.value(("", metric.name))):
                yield metric.interval(mean, metric.name)
            else:
                yield mean.measured(("", metric.name), None, None, "", 0)
        for number, label in enumerate(self.classes):
            for metric in self.metrics:
                if metric.of_class:
                    yield metric.of_class.measured(mean, number, (label, metric.name))


@dataclass(frozen=True)
class Mean:
    """The mean over some cells: what the rules of the intervals are given."""

    metrics: Metrics
    own: Positions
    spreads: Mapping[Name, Spread | None]

    @property
    def groups(self) -> int:
        """Groups of images that are tested."""
        return int(self.metrics.panel.tested[list(self.own)].any(axis=0).sum())

    @property
    def rows(self) -> int:
        """Test rows of all cells together."""
        return sum(len(self.metrics.panel.outcomes[i].labels) for i in self.own)

    def rows_are_independent(self, name: Name) -> bool:
        """Whether each row is a group of its own, tested once, and nothing else varies."""
        return self.groups == self.rows and self.spreads.get(name) is None

    def value(self, name: Name) -> float:
        return float(self.metrics.numbers[name].values[list(self.own)].mean())

    def error(self, name: Name, units: int | None = None) -> Error:
        """Its standard error, see `Panel.error`."""
        numbers = self.metrics.numbers[name]
        return self.metrics.panel.error(numbers, self.own, self.spreads.get(name), units)

    def bias(self, name: Name) -> float:
        """The mean of the resampled values minus the value."""
        numbers, at = self.metrics.numbers[name], list(self.own)
        return float(np.nanmean(numbers.draws[:, at] - numbers.values[at]))

    def measured(
        self, name: Name, value: float | None, interval: Interval | None, method: str, units: int
    ) -> Measured:
        covers = IMAGES if self.spreads.get(name) is None else TRAINED
        return Measured(*name, value, interval, method, units, covers)

    def bounded(self, name: Name, error: Error) -> Interval:
        """An interval that stays within the metric's range: symmetric on the logit scale, and at
        an end of the range that of a share of the groups."""
        numbers = self.metrics.numbers[name]
        low, top = numbers.low, numbers.high - numbers.low
        value = self.value(name) - low
        if 0 < value < top and error.value > 0:
            found = bounded_interval(value, error, top)
        else:
            end = share_interval(min(1.0, value / top), self.groups)
            found = Interval(top * end.low, top * end.high)
        return Interval(low + found.low, low + found.high)
