"""The tables `subgroups` and `gaps`: the headlines' metrics by what is known of the images, and the
differences between subgroups.

For each scenario, the headline of the most trustworthy split policy. All its trainings are tested
together: an image that several of them tested has a row for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from reports.axes import TRAININGS
from reports.derived.tested import group_numbers
from reports.headline import Headline, headline
from reports.metrics import METRICS, Metric
from reports.metrics.deciding import DEFAULT
from reports.metrics.entry import OfSums
from reports.metrics.measured import Metrics
from reports.run import Run, cell_key
from reports.statistics.bootstrap import error_of
from reports.statistics.intervals import Interval, unbounded_interval
from reports.statistics.measures import Measure, mean_of
from reports.statistics.outcomes import Outcomes, outcomes_of
from reports.statistics.panel import Panel
from reports.statistics.subgroups import EXCHANGES, Column, Gap, OfWeights, Rows, find_gaps
from reports.statistics.temperature import at_temperature
from reports.statistics.training import Design
from reports.tables import CELL

Row = dict[str, Any]

LEAST_GROUPS = 20
"""Groups of images from which a subgroup is compared with others."""

MISSING = ""
"""The level of images of which a column says nothing."""

_PLAIN = "group bootstrap, t"
_FEWER_EXCHANGES = 199  # for metrics that are no function of sums
_CORRECT = mean_of(lambda outcomes: outcomes.correct.astype(float))


@dataclass(frozen=True)
class _Subgroup:
    column: str
    level: str
    position: int
    rows: np.ndarray  # (n,) bool


@dataclass(frozen=True)
class _Tested:
    """The rows of a headline, over all its trainings."""

    names: Row  # its columns of `CELL`; those of a training null
    images: np.ndarray  # (n,) image_id
    plain: Outcomes
    scaled: Outcomes  # at the temperature of each training


def subgroup_tables(
    info: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]
) -> tuple[list[Row], list[Row]]:
    """The rows of both tables; none if nothing is known of the images."""
    if tables["metadata"].empty:
        return [], []
    run = Run(dict(info), dict(tables))
    subgroups: list[Row] = []
    gaps: list[Row] = []
    for scenario in run.scenarios:
        found = headline(run, run.policies[0], scenario) if run.policies else None
        tested = _tested(run, found) if found else None
        if tested is None:
            continue
        metrics = _metrics(run.metric.name)
        for metric in metrics:
            compared = _Compared(tested, tables["metadata"], metric, len(metrics))
            subgroups += compared.subgroup_rows()
            gaps += compared.gap_rows()
    return subgroups, gaps


@dataclass(frozen=True)
class _Chosen:
    """A metric, of the probabilities as they are or at the temperature."""

    name: str
    metric: Metric
    is_scaled: bool = False


def _metrics(deciding: str) -> list[_Chosen]:
    """The accuracy, and what validation decides by."""
    by_name = {one.name: one for one in METRICS}
    found = [_Chosen("accuracy", by_name["accuracy"])]
    if deciding == DEFAULT:
        found.append(_Chosen(DEFAULT, by_name["log_loss"], is_scaled=True))
    elif deciding != "accuracy":
        found.append(_Chosen(deciding, by_name[deciding]))
    return found


def _tested(run: Run, found: Headline) -> _Tested | None:
    groups = group_numbers(run.tables["images"])
    predictions = run.grouped("predictions")
    classes = run.classes(found.scenario)
    frames, scaled = [], []
    for row in found.rows:
        own = predictions.get(cell_key(row))
        if own is None or row["state"] != "done":
            continue
        frames.append(own.sort_values(["image_id", "copy"]))
        plain = np.array(list(frames[-1]["probabilities"]), float)
        scaled.append(at_temperature(plain, float(row["temperature"] or 1.0)))
    if not frames:
        return None
    rows = pd.concat(frames, ignore_index=True)
    plain_outcomes = outcomes_of(rows, classes, groups)
    at = np.concatenate(scaled)
    scaled_outcomes = Outcomes(plain_outcomes.labels, at.argmax(axis=1), at, plain_outcomes.groups)
    names = {name: found.best[name] for name in CELL} | dict.fromkeys(TRAININGS)
    return _Tested(names, rows["image_id"].to_numpy(), plain_outcomes, scaled_outcomes)


class _Compared:
    """The subgroups of a headline in one metric."""

    def __init__(
        self, tested: _Tested, metadata: pd.DataFrame, chosen: _Chosen, families: int
    ) -> None:
        """`families`: the number of metrics that are corrected together."""
        self.tested, self.chosen, self.metric = tested, chosen, chosen.metric
        self.families = families
        self.outcomes = tested.scaled if chosen.is_scaled else tested.plain
        self._metadata = metadata

    @cached_property
    def columns(self) -> dict[str, tuple[np.ndarray, list[str], list[int]]]:
        """By column: the code of each row, -1 where it is not known; levels; their positions."""
        found = {}
        for column, own in self._metadata.groupby("column"):
            known = own[own["position"] >= 0].drop_duplicates("image_id")
            at = pd.Series(self.tested.images).map(known.set_index("image_id")["position"])
            there = sorted({int(position) for position in at.dropna()})
            names = known.drop_duplicates("position").set_index("position")["level"]
            codes = at.map({position: code for code, position in enumerate(there)})
            found[str(column)] = (
                codes.fillna(-1).to_numpy(int),
                [str(names[position]) for position in there],
                there,
            )
        return found

    @cached_property
    def subgroups(self) -> list[_Subgroup]:
        """Those with rows, column by column; where some is not known, that too, at the end."""
        found = []
        for column, (codes, names, positions) in self.columns.items():
            for code, (name, position) in enumerate(zip(names, positions, strict=True)):
                found.append(_Subgroup(column, name, position, codes == code))
            if (codes < 0).any():
                found.append(_Subgroup(column, MISSING, -1, codes < 0))
        return found

    @cached_property
    def panel(self) -> Panel:
        """Each subgroup as a cell, so that groups are resampled in all at once."""
        number = np.arange(len(self.subgroups))
        same = np.zeros(len(number), int)
        design = Design(number, number, same, same)
        parts = [_part(self.outcomes, one.rows) for one in self.subgroups]
        return Panel(parts, design, ("subgroups", self.tested.names["scenario"]))

    def subgroup_rows(self) -> Iterator[Row]:
        numbers = self.metric.function.numbers(self.panel) if self.subgroups else None
        metrics = Metrics(self.panel, [], [self.metric]) if self.metric.interval else None
        for place, one in enumerate(self.subgroups):
            units = self.panel.outcomes[place].clusters
            assert numbers is not None
            value = _number(float(numbers.values[place]))
            interval, method = None, ""
            if metrics and value is not None:
                (measured,) = metrics.measure([place], {})
                interval, method = measured.interval, measured.method
            elif value is not None and units > 1:
                error = error_of(numbers.draws[:, place], units)
                interval, method = unbounded_interval(value, error, numbers.low), _PLAIN
            yield {
                **self.tested.names,
                "column": one.column,
                "level": one.level,
                "position": one.position,
                "metric": self.chosen.name,
                "value": value,
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
                "method": method,
                "rows": int(one.rows.sum()),
                "images": len(set(self.tested.images[one.rows])),
                "units": units,
                "compared": self._is_compared(one, units),
            }

    def gap_rows(self) -> Iterator[Row]:
        columns, at = self._compared_columns()
        image, first = np.unique(self.tested.images, return_inverse=True)
        group = np.zeros(len(image), int)
        group[first] = self.outcomes.groups
        numbers = self.metric.function.numbers(self.panel) if at else None
        gaps = find_gaps(
            columns,
            Rows(first, group),
            self._of_weights(),
            numbers.draws[:, at] if numbers is not None else np.zeros((1, 0)),
            self.tested.names["scenario"],
            families=self.families,
            exchanges=EXCHANGES if self._sums else _FEWER_EXCHANGES,
        )
        largest: dict[str, Gap] = {}
        for gap in gaps:
            if gap.column not in largest or abs(gap.value) > abs(largest[gap.column].value):
                largest[gap.column] = gap
        for gap in gaps:
            yield self._gap_row(gap, largest[gap.column] is gap, self.families * len(gaps))

    def _gap_row(self, gap: Gap, is_largest: bool, family: int) -> Row:
        names = self.columns[gap.column][1]
        swapped = gap.value < 0
        high, low = (gap.b, gap.a) if swapped else (gap.a, gap.b)
        interval = gap.interval
        if swapped:
            interval = Interval(-interval.high, -interval.low)
        return {
            **self.tested.names,
            "column": gap.column,
            "metric": self.chosen.name,
            "level": names[high],
            "other": names[low],
            "gap": abs(gap.value),
            "low": interval.low,
            "high": interval.high,
            "p": gap.p,
            "family": family,
            "largest": is_largest,
        }

    def _compared_columns(self) -> tuple[list[Column], list[int]]:
        """The columns, and the positions of their known subgroups in the panel."""
        columns: list[Column] = []
        at: list[int] = []
        place = 0
        for name, (codes, levels, _) in self.columns.items():
            own = range(place, place + len(levels))
            tested = [
                number
                for number, where in enumerate(own)
                if self._is_compared(self.subgroups[where], self.panel.outcomes[where].clusters)
            ]
            columns.append(Column(name, codes, len(levels), tested))
            at += own
            place += len(levels) + bool((codes < 0).any())
        return columns, at

    def _is_compared(self, one: _Subgroup, units: int) -> bool:
        return one.level != MISSING and units >= LEAST_GROUPS

    @property
    def _sums(self) -> Measure | None:
        """The metric as a function of sums over rows, if it is one."""
        if self.metric.name == "accuracy":
            return _CORRECT
        return self.metric.function.measure if isinstance(self.metric.function, OfSums) else None

    def _of_weights(self) -> OfWeights:
        if measure := self._sums:
            terms, classes = measure.terms(self.outcomes), self.outcomes.classes
            return lambda weights: measure.value(weights @ terms, classes)
        function = self.metric.function

        def one_by_one(weights: np.ndarray) -> np.ndarray:
            parts = (_part(self.outcomes, own > 0) for own in weights)
            return np.array([function.of(one) if len(one.labels) else np.nan for one in parts])

        return one_by_one


def _part(outcomes: Outcomes, rows: np.ndarray) -> Outcomes:
    return Outcomes(
        outcomes.labels[rows],
        outcomes.predicted[rows],
        outcomes.probabilities[rows],
        outcomes.groups[rows],
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
