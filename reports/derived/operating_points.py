"""The table `operating_points`: sensitivity, specificity and predictive values of each class
against the rest, of the predicted classes and at the thresholds that validation chose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from reports.axes import TRAININGS
from reports.derived.tested import Tested
from reports.metrics.class_share import interval_of_share
from reports.metrics.measured import Mean, Metrics
from reports.run import records
from reports.statistics.intervals import Interval
from reports.statistics.panel import Panel
from reports.statistics.planning import groups_needed
from reports.statistics.predictive_values import npv_at, ppv_at
from reports.statistics.spreads import spreads_of
from reports.statistics.temperature import calibrated
from reports.statistics.training import Spread, chosen
from reports.tables import CELL

Row = dict[str, Any]
Thresholds = Mapping[tuple[Any, ...], float | None]  # by cell and class

PREDICTED, AT_THRESHOLD = "predicted", "threshold"
"""What counts as a call of a class: the most probable class, or a probability from the threshold
on."""

SHARES = ("sensitivity", "specificity", "ppv", "npv")
ADJUSTED = {"ppv": "ppv_at_prevalence", "npv": "npv_at_prevalence"}


def operating_rows(
    tested: Tested, thresholds: pd.DataFrame, prevalence: Mapping[str, float]
) -> list[Row]:
    """Of every cell, and of the mean of every configuration that was trained several times (seed,
    repeat and fold null).

    Args:
        thresholds: the table.
        prevalence: by class, where it is used.
    """
    known: Thresholds = {
        (*(row[name] for name in CELL), row["label"]): row["threshold"]
        for row in records(thresholds)
    }
    kept = tested.with_predictions()
    return [
        row
        for policy in kept.policies()
        for scenario in kept.scenarios()
        if len((own := kept.of(split_policy=policy, scenario=scenario)).cells)
        for row in _Calls(own, known, prevalence).rows()
    ]


@dataclass(frozen=True)
class _Counts:
    """Rows of each group by call and truth, in one cell, (groups,) each."""

    hits: np.ndarray
    labelled: np.ndarray
    called: np.ndarray
    rows: np.ndarray

    def share(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The rows that a share counts, and those it is a share of."""
        rejected = self.rows - self.labelled - self.called + self.hits
        return {
            "sensitivity": (self.hits, self.labelled),
            "specificity": (rejected, self.rows - self.labelled),
            "ppv": (self.hits, self.called),
            "npv": (rejected, self.rows - self.called),
        }[name]


class _Calls:
    """The cells of one scenario under one split policy."""

    def __init__(
        self, tested: Tested, thresholds: Thresholds, prevalence: Mapping[str, float]
    ) -> None:
        first = tested.cells.iloc[0]
        self.tested, self.thresholds, self.prevalence = tested, thresholds, prevalence
        self.classes = list(tested.classes[first["scenario"]])
        self.outcomes = [one for one in tested.outcomes if one is not None]
        name = (first["split_policy"], first["scenario"])
        self.panel = Panel(self.outcomes, tested.design, name)
        self.several = [own for own in tested.configurations() if len(own) > 1]

    def rows(self) -> Iterator[Row]:
        means = [[i] for i in range(len(self.outcomes))] + self.several
        for number, label in enumerate(self.classes):
            for point in (PREDICTED, AT_THRESHOLD):
                counts = [self._counts(i, number, point) for i in range(len(self.outcomes))]
                yield from self._of_point(label, point, counts, means)

    @cached_property
    def _calibrated(self) -> list[np.ndarray]:
        """The probabilities of each cell at its temperature, which thresholds are of."""
        return [
            calibrated(one, row["temperature"]).probabilities
            for one, row in zip(self.outcomes, self.tested.records, strict=True)
        ]

    def _threshold(self, cell: int, label: str) -> float | None:
        row = self.tested.records[cell]
        return self.thresholds.get((*(row[name] for name in CELL), label))

    def _counts(self, cell: int, number: int, point: str) -> _Counts | None:
        """None where the class has no threshold."""
        one = self.outcomes[cell]
        labelled, called = one.labels == number, one.predicted == number
        if point == AT_THRESHOLD:
            threshold = self._threshold(cell, self.classes[number])
            if threshold is None:
                return None
            called = self._calibrated[cell][:, number] >= threshold
        columns = np.stack([labelled & called, labelled, called, np.ones_like(called)], axis=1)
        return _Counts(*self.panel.by_group(cell, columns.astype(float)).T)

    def _of_point(
        self,
        label: str,
        point: str,
        counts: Sequence[_Counts | None],
        means: Sequence[Sequence[int]],
    ) -> Iterator[Row]:
        none = np.zeros(self.panel.groups)
        metrics, spreads = Metrics(self.panel, (), ()), {}
        for name in SHARES:
            parts = [one.share(name) if one else (none, none) for one in counts]
            numbers = self.panel.shares(*zip(*parts, strict=True))
            metrics.numbers[label, name] = numbers
            spreads[label, name] = self._spread(numbers.values, numbers.draws, numbers.scale)
        for own in means:
            mean = Mean(metrics, own, spreads if len(own) > 1 else {})
            yield from self._measured(mean, label, point, counts)

    def _spread(self, values: np.ndarray, draws: np.ndarray, scale: np.ndarray) -> Spread | None:
        if not self.several:
            return None
        design, groups = self.tested.design, self.panel.groups
        return chosen(spreads_of(values, draws, scale, design, groups).single, None)

    def _measured(
        self, mean: Mean, label: str, point: str, counts: Sequence[_Counts | None]
    ) -> Iterator[Row]:
        shares = {name: self._share(mean, label, name, counts) for name in SHARES}
        about = self._about(mean.own, label, point)
        for name, row in shares.items():
            yield {**about, "metric": name, "prevalence": None, **row}
        prevalence = self.prevalence.get(label)
        if prevalence is not None:
            for metric, adjusted in ADJUSTED.items():
                row = _adjusted(metric, prevalence, shares["sensitivity"], shares["specificity"])
                yield {**about, "metric": adjusted, "prevalence": prevalence, **row}

    def _about(self, own: Sequence[int], label: str, point: str) -> Row:
        cell = {name: self.tested.records[own[0]][name] for name in CELL}
        if len(own) > 1:
            cell |= dict.fromkeys(TRAININGS)
        alone = len(own) == 1 and point == AT_THRESHOLD
        threshold = self._threshold(own[0], label) if alone else None
        return {**cell, "label": label, "point": point, "threshold": threshold}

    def _share(self, mean: Mean, label: str, name: str, counts: Sequence[_Counts | None]) -> Row:
        """Over the cells in which it exists."""
        values = mean.metrics.numbers[label, name].values
        known = [i for i in mean.own if not np.isnan(values[i])]
        if not known:
            return _columns(mean.measured((label, name), None, None, "", 0).covers)
        wholes = [one.share(name)[1] for i in known if (one := counts[i])]
        existing = replace(mean, own=known)
        interval, method, units = interval_of_share(existing, (label, name), wholes)
        value = existing.value((label, name))
        images = replace(existing, spreads={})
        alone, _, _ = interval_of_share(images, (label, name), wholes)
        covers = mean.measured((label, name), value, interval, method, units).covers
        return _columns(covers, value, interval, method, units, groups_needed(value, alone, units))


def _columns(
    covers: str,
    value: float | None = None,
    interval: Interval | None = None,
    method: str = "",
    units: int = 0,
    needed: int | None = None,
) -> Row:
    return {
        "value": value,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "covers": covers,
        "method": method,
        "units": units,
        "needed": needed,
    }


def _adjusted(metric: str, prevalence: float, sensitivity: Row, specificity: Row) -> Row:
    covers, units = sensitivity["covers"], min(sensitivity["units"], specificity["units"])
    if sensitivity["value"] is None or specificity["value"] is None:
        return _columns(covers)
    own, other = (
        (one["value"], Interval(one["low"], one["high"])) for one in (sensitivity, specificity)
    )
    found = (ppv_at if metric == "ppv" else npv_at)(prevalence, own, other)
    if found is None:
        return _columns(covers)
    return _columns(covers, *found, "MOVER of sensitivity and specificity", units)
