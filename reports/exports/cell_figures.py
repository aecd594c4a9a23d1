"""Confusion matrix and learning curves of the cells worth a figure of their own."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import pandas as pd
from markupsafe import Markup

from reports import wording
from reports.exports.layout import framed
from reports.figures.confusion import confusion_matrix
from reports.figures.curves import HEIGHT, WIDTH, Curve, learning_curves
from reports.headline import headlines
from reports.run import Row, Run, cell_key, counts_of, records
from reports.sections.cell.curves import curve_of
from reports.tables import CELL


def best_cells(run: Run) -> list[Row]:
    """The headline's cell of each split policy and scenario."""
    return [one.best for one in headlines(run)]


def cell_figures(run: Run, row: Row) -> Iterator[tuple[str, Markup]]:
    """'confusion', 'accuracy' and 'loss' of one cell, as far as its tables have them."""
    title = f"{row['backbone']}, {wording.recipe(row)}"
    where = f"{wording.scenario(row['scenario'])}, {row['split_policy']} split"
    counts = counts_of(_of_cell(run.tables["confusion"], row))
    if counts:
        seen = sorted({name for pair in counts for name in pair})
        drawn = confusion_matrix(run.classes(row["scenario"]) or seen, counts, "Confusion matrix")
        yield "confusion", framed(f"{title}: test rows", where, drawn, *_box(drawn))
    for metric, curves in _curves(run, row).items():
        drawn = learning_curves(curves, metric, share=metric == "accuracy")
        if drawn:
            unit = ", %" if metric == "accuracy" else ""
            said = f"{title}: {metric} by epoch{unit}"
            yield (
                metric,
                framed(said, f"{where}; blue validation, brown training", drawn, WIDTH, HEIGHT),
            )


def _curves(run: Run, row: Row) -> dict[str, list[Curve]]:
    """One curve for each trial of the cell that has one, for accuracy and loss."""
    trials = records(_of_cell(run.tables["trials"], row).sort_values("draw"))
    every = run.tables["curves"]
    own = every[every["trial"].isin([trial["trial"] for trial in trials])]
    frames = {str(name): frame.sort_values("epoch") for name, frame in own.groupby("trial")}
    return {
        metric: [
            curve_of(row, trial, frames[trial["trial"]], metric)
            for trial in trials
            if trial["trial"] in frames
        ]
        for metric in ("accuracy", "loss")
    }


def _of_cell(frame: pd.DataFrame, row: Row) -> pd.DataFrame:
    chosen = pd.Series(True, index=frame.index)
    for name, value in zip(CELL, cell_key(row), strict=True):
        chosen &= frame[name] == value
    return frame[chosen]


def _box(drawn: Markup) -> tuple[float, float]:
    """Width and height of a drawing's view box."""
    _, _, width, height = ElementTree.fromstring(drawn).attrib["viewBox"].split()
    return float(width), float(height)
