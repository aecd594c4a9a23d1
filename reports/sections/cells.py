"""One entry per cell: its champion, metrics, curves, mistakes and search."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd
from markupsafe import Markup

from reports import wording
from reports.figures.strip import Mark, strip
from reports.figures.svg import Scale
from reports.run import CellKey, Row, Run, counts_of, interval_of, records
from reports.sections.cell import calibration, classes, curves, errors, numbers, search
from reports.sections.explanations import Atlas, Explanation
from reports.sections.section import Section, Shown
from reports.statistics import Interval


@dataclass(frozen=True)
class Detail:
    """Everything that the page shows of one cell."""

    anchor: str
    title: str
    policy: str
    scenario: str
    recipe: str
    repeat: str  # "repeat 2, fold 1, seed 3": those that the run has several of
    state: str
    error: str
    accuracy: str
    interval: str
    strip: Markup
    setting: list[tuple[str, str]]
    metrics: list[numbers.Line]
    curves: curves.Curves | None
    errors: errors.Errors | None
    classes: classes.Classes | None
    calibration: calibration.Calibration | None
    search: search.Search | None
    explanations: list[Explanation]
    explanations_left_out: int


@dataclass(frozen=True)
class Cells:
    """Every planned cell in the order of the grid, and what their searches found together."""

    details: list[Detail]
    search: str


class Entries:
    """The entries of a run, each made once however often the page is drawn until it fits."""

    def __init__(self, run: Run) -> None:
        """`run`: not narrowed."""
        self._run, self._of = run, _Tables(run)
        self._made: dict[CellKey, Detail] = {}

    def of(self, shown: Run, atlas: Atlas) -> Cells:
        """One `Detail` for every cell that `shown` is narrowed to. `atlas`: with the same pictures
        of mistakes each time; its explanations may differ."""
        return Cells([self._detail(row, atlas) for row in shown.cells], self._search)

    def _detail(self, row: Row, atlas: Atlas) -> Detail:
        key = row["key"]
        if key not in self._made:
            self._made[key] = _detail(self._run, row, self._of, atlas)
        explanations, left_out = atlas.of_cell(key)
        return replace(self._made[key], explanations=explanations, explanations_left_out=left_out)

    @cached_property
    def _search(self) -> str:
        """A sentence on all searches together."""
        every = [(row, self._of.trials(row["key"])) for row in self._run.cells]
        return search.summary_of(every, self._of.space)


class _Tables:
    """The tables of a run, cell by cell."""

    def __init__(self, run: Run) -> None:
        self.space = search.Space(run)
        self._trials = run.grouped("trials")
        self._confusion = run.grouped("confusion")
        self._predictions = run.grouped("predictions")
        self._reliability = run.grouped("reliability")
        self._none = run.tables["predictions"].iloc[:0]
        self.curves = {
            str(key): frame for key, frame in run.tables["curves"].groupby("trial", sort=False)
        }

    def trials(self, key: CellKey) -> list[Row]:
        return records(self._trials[key].sort_values("draw")) if key in self._trials else []

    def counts(self, key: CellKey) -> dict[tuple[str, str], int]:
        """Test rows by (label, predicted)."""
        return counts_of(self._confusion[key]) if key in self._confusion else {}

    def predictions(self, key: CellKey) -> pd.DataFrame:
        frame = self._predictions.get(key, self._none)
        return frame.sort_values(["image_id", "copy"])

    def reliability(self, key: CellKey) -> pd.DataFrame | None:
        return self._reliability.get(key)


def _detail(run: Run, row: Row, of: _Tables, atlas: Atlas) -> Detail:
    key, done = row["key"], row["state"] == "done"
    trials, counts, predictions = of.trials(key), of.counts(key), of.predictions(key)
    tried = run.candidates.get(row["champion"], [])
    names = run.classes(row["scenario"]) or sorted({name for pair in counts for name in pair})

    def interval(metric: str, label: str = "") -> Interval | None:
        return run.interval(row, metric, label)

    return Detail(
        anchor=row["anchor"],
        title=row["backbone"],
        policy=row["split_policy"],
        scenario=wording.scenario(row["scenario"]),
        recipe=wording.recipe(row),
        repeat=_repeat(run, row),
        state=row["state"],
        error=row["error"] or "",
        accuracy=wording.percent(row["accuracy"]),
        interval=wording.percent_range(interval_of(row)),
        strip=_strip(row),
        setting=numbers.setting(row, run.hyperparameters, tried) if done else [],
        metrics=numbers.metrics(row, interval, run.metric) if done else [],
        curves=curves.curves_of(row, trials, of.curves),
        errors=errors.errors_of(row["backbone"], names, counts, predictions, atlas.pictures),
        classes=classes.classes_of(names, counts, predictions, interval) if counts else None,
        calibration=calibration.calibration_of(row, of.reliability(key), interval),
        search=search.search_of(row, trials, of.space, run.candidates),
        explanations=[],
        explanations_left_out=0,
    )


def _repeat(run: Run, row: Row) -> str:
    return ", ".join(f"{name} {row[name]}" for name in run.repeated)


def _strip(row: Row) -> Markup:
    if row["accuracy"] is None:
        return Markup("")
    mark = Mark(row["accuracy"], whisker=interval_of(row))
    return strip([mark], Scale(0.0, 1.0), height=16, guides=[0.0, row["chance"], 1.0])


def cells_of(shown: Shown) -> Cells:
    """Every cell that is shown in full."""
    return shown.entries.of(shown.in_full, shown.atlas)


SECTION = Section(
    "cells",
    "Cell by cell",
    "cells.html.j2",
    cells_of,
    "Open a cell to see whether its training had converged, which classes it confuses, and "
    "whether its probabilities can be believed.",
    by_cells=True,
)
