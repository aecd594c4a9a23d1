"""Robustness: what champions lose on noisy, blurred or otherwise corrupted test images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from reports import wording
from reports.run import Row, Run, cell_key, records
from reports.sections.section import of_run
from reports.statistics import Interval


@dataclass(frozen=True)
class Loss:
    """Accuracy under one corruption, and its difference from that of the clean images."""

    accuracy: str
    difference: str
    is_significant: bool


@dataclass(frozen=True)
class Line:
    corruption: str
    meaning: str
    losses: list[Loss]  # mild, strong


@dataclass(frozen=True)
class Tested:
    """One champion."""

    name: str
    anchor: str
    clean: str
    images: str
    lines: list[Line]


def robustness_of(run: Run) -> list[Tested] | None:
    """The champions of the table `robustness`; None without any."""
    frame = run.tables["robustness"]
    rows = records(frame[frame["metric"] == "accuracy"])
    of_cell = {row["key"]: row for row in run.cells}
    found = []
    for key, group in groupby(rows, key=cell_key):
        if cell := of_cell.get(key):
            found.append(_tested(run, cell, list(group)))
    return found or None


def _tested(run: Run, cell: Row, rows: list[Row]) -> Tested:
    meanings = run.info.get("corruptions", {})
    return Tested(
        name=f"{cell['backbone']}, {wording.recipe(cell)}, split {cell['split_policy']}, "
        f"{wording.scenario(cell['scenario'])}",
        anchor=cell["anchor"],
        clean=f"{wording.percent(rows[0]['clean'])} %",
        images=wording.plural(rows[0]["n"], "image"),
        lines=[
            Line(name, meanings.get(name, ""), [_loss(row) for row in group])
            for name, group in groupby(rows, key=lambda row: str(row["corruption"]))
        ],
    )


def _loss(row: Row) -> Loss:
    interval = Interval(row["low"], row["high"])
    difference = f"{wording.points(row['difference'])} ({wording.points_range(interval)})"
    return Loss(wording.percent(row["value"]), difference, 0 not in interval)


SECTION = of_run("robustness", "Robustness", "robustness.html.j2", robustness_of)
