"""The cells that were tested, in one order, with their test rows and their accuracies, or another
metric, when the test groups of the whole run are resampled at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from reports.axes import TRAININGS
from reports.metrics.deciding import Deciding
from reports.run import records
from reports.split_policies import trust_order
from reports.statistics.bootstrap import generator, group_weights
from reports.statistics.contrasts import SHARES_TRAINING
from reports.statistics.outcomes import Outcomes, outcomes_of
from reports.statistics.panel import Numbers, Panel
from reports.statistics.temperature import calibrated
from reports.statistics.training import Design, logit_scale
from reports.tables import CELL

ACCURACY = "accuracy"
_RANDOM = "accuracies"  # names the random numbers, so that every metric resamples alike
_CONFIGURATION = [name for name in CELL if name not in TRAININGS]


@dataclass(frozen=True)
class Tested:
    """Done cells. Cells whose predictions were not kept have outcomes None and draws NaN."""

    cells: pd.DataFrame
    outcomes: list[Outcomes | None]
    rows: list[frozenset[tuple[str, int]]]  # (image_id, copy) tested by each cell
    classes: Mapping[str, Sequence[str]]  # scenario -> names
    groups: int  # tested in the whole run
    draws: np.ndarray  # (draws, cells), of `values`
    by_trust: Sequence[str] = ()  # the run's split policies, the most trustworthy first
    further: tuple[str, ...] = ()  # columns that tell configurations apart beside the axes
    metric: str = ACCURACY  # a name of `DECIDING`: what `values` are of
    numbers: Numbers | None = None  # of that metric, if it is not the accuracy

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The cells as dictionaries, gaps as None."""
        return records(self.cells)

    @property
    def values(self) -> np.ndarray:
        """The metric of each cell, (cells,); NaN where it does not exist."""
        return self.numbers.values if self.numbers else self.cells[ACCURACY].to_numpy(dtype=float)

    @property
    def scale(self) -> np.ndarray:
        """(cells,), how far the metric moves for one step on the logit scale."""
        if self.numbers:
            return self.numbers.scale
        groups = np.array([one.clusters if one else 1 for one in self.outcomes], dtype=float)
        return logit_scale(self.values, self.design.configuration, groups)

    @property
    def span(self) -> float:
        """The width of the metric's range."""
        return self.numbers.span if self.numbers else 1.0

    def measured_by(self, metric: Deciding) -> Tested:
        """The same cells in another metric, with the same groups resampled in each draw."""
        if metric.name == ACCURACY:
            return self
        numbers = _numbers(self, metric)
        return replace(self, metric=metric.name, numbers=numbers, draws=numbers.draws)

    def policies(self) -> list[str]:
        """Those of the cells, the most trustworthy first."""
        return trust_order(self.by_trust, set(self.cells["split_policy"]))

    def subset(self, chosen: np.ndarray) -> Tested:
        """Some of the cells, chosen by (cells,) bool; draws stay the same."""
        kept = np.flatnonzero(chosen)
        return Tested(
            self.cells.iloc[kept].reset_index(drop=True),
            [self.outcomes[i] for i in kept],
            [self.rows[i] for i in kept],
            self.classes,
            self.groups,
            self.draws[:, kept],
            self.by_trust,
            self.further,
            self.metric,
            self.numbers.of(kept) if self.numbers else None,
        )

    def of(self, **columns: object) -> Tested:
        """The cells that have these values in these columns."""
        chosen = np.ones(len(self.cells), dtype=bool)
        for name, value in columns.items():
            chosen &= (self.cells[name] == value).to_numpy()
        return self.subset(chosen)

    def with_predictions(self) -> Tested:
        return self.subset(np.array([one is not None for one in self.outcomes], dtype=bool))

    def scenarios(self) -> list[str]:
        return sorted(set(self.cells["scenario"]))

    @cached_property
    def design(self) -> Design:
        """The training of each cell."""
        names = [*self.further, *_CONFIGURATION]
        return Design(
            self._numbered(names),
            self._numbered([name for name in names if name != SHARES_TRAINING]),
            self._numbered(["repeat", "fold"]),
            self._numbered(["seed"]),
        )

    def _numbered(self, columns: list[str]) -> np.ndarray:
        keys = zip(*(self.cells[name].tolist() for name in columns), strict=True)
        numbers: dict[tuple[object, ...], int] = {}
        return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=int)

    def configurations(self) -> list[list[int]]:
        """Positions of the cells, those together that differ in seed, repeat and fold only."""
        found: dict[int, list[int]] = {}
        for position, number in enumerate(self.design.configuration):
            found.setdefault(int(number), []).append(position)
        return list(found.values())


def tested_cells(
    tables: Mapping[str, pd.DataFrame],
    classes: Mapping[str, Sequence[str]],
    by_trust: Sequence[str],
) -> Tested:
    """The done cells of a run's tables, sorted by what names them.

    Args:
        classes: names by scenario, in the order of the probabilities.
        by_trust: the run's split policies, the most trustworthy first.
    """
    cells = tables["cells"]
    cells = cells[(cells["state"] == "done") & cells["accuracy"].notna()]
    cells = cells.sort_values(list(CELL), ignore_index=True)
    groups = group_numbers(tables["images"])
    by_cell = {
        tuple(key): own.sort_values(["image_id", "copy"])
        for key, own in tables["predictions"].groupby(list(CELL), sort=False, dropna=False)
    }
    predictions = [by_cell.get(tuple(key)) for key in cells[list(CELL)].itertuples(index=False)]
    outcomes = [
        _outcomes(own, classes.get(scenario, ()), groups)
        for own, scenario in zip(predictions, cells["scenario"], strict=True)
    ]
    rows = [_rows(own) for own in predictions]
    draws, count = resampled(outcomes)
    return Tested(cells, outcomes, rows, classes, count, draws, by_trust)


def group_numbers(images: pd.DataFrame) -> dict[str, int]:
    """The number of each image's group, by image_id, from the table `images`."""
    known = images.drop_duplicates("image_id").sort_values("image_id")
    names = known["group"].where(known["group"].notna() & (known["group"] != ""), known["image_id"])
    return dict(zip(known["image_id"], (int(n) for n in pd.factorize(names)[0]), strict=True))


def _outcomes(
    predictions: pd.DataFrame | None, classes: Sequence[str], groups: Mapping[str, int]
) -> Outcomes | None:
    if predictions is None or not classes:
        return None
    return outcomes_of(predictions, classes, groups)


def _rows(predictions: pd.DataFrame | None) -> frozenset[tuple[str, int]]:
    if predictions is None:
        return frozenset()
    return frozenset(zip(predictions["image_id"], predictions["copy"], strict=True))


def _numbers(tested: Tested, metric: Deciding) -> Numbers:
    """The metric of every cell, each scenario's in a panel of its own; NaN without predictions."""
    known, cells = _known(tested.outcomes), len(tested.cells)
    has_outcomes = np.array([one is not None for one in tested.outcomes], dtype=bool)
    values, scale = np.full(cells, np.nan), np.full(cells, np.nan)
    draws = np.full((1, cells), np.nan)
    low, high = 0.0, 1.0
    for scenario in tested.with_predictions().scenarios():
        chosen = has_outcomes & (tested.cells["scenario"] == scenario).to_numpy()
        own = tested.subset(chosen)
        panel = Panel(measured_outcomes(own, metric), own.design, _RANDOM, groups=known)
        found = metric.metric.function.numbers(panel)
        if len(draws) != len(found.draws):
            draws = np.full((len(found.draws), cells), np.nan)
        values[chosen], scale[chosen], draws[:, chosen] = found.values, found.scale, found.draws
        low, high = found.low, found.high
    return Numbers(values, draws, scale, low=low, high=high)


def measured_outcomes(tested: Tested, metric: Deciding) -> list[Outcomes]:
    """The outcomes that there are, at their cells' temperatures if the metric is of these."""
    tested = tested.with_predictions()
    found = [one for one in tested.outcomes if one is not None]
    if not metric.scaled:
        return found
    pairs = zip(found, tested.records, strict=True)
    return [calibrated(one, row["temperature"]) for one, row in pairs]


def _known(outcomes: Sequence[Outcomes | None]) -> np.ndarray:
    """The numbers of all tested groups, sorted."""
    found = [one.groups for one in outcomes if one is not None]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=int)


def resampled(outcomes: Sequence[Outcomes | None]) -> tuple[np.ndarray, int]:
    """Accuracies (draws, cells) with all tested groups resampled at once, and their number."""
    known = _known(outcomes)
    sums = np.zeros((2, len(outcomes), len(known)))
    for i, one in enumerate(outcomes):
        if one is not None:
            where = np.searchsorted(known, one.groups)
            np.add.at(sums[0, i], where, one.correct)
            np.add.at(sums[1, i], where, 1)
    weights = group_weights(max(1, len(known)), generator(_RANDOM))[:, : len(known)]
    right, rows = weights @ sums[0].T, weights @ sums[1].T
    return np.divide(right, rows, out=np.full_like(right, np.nan), where=rows > 0), len(known)
