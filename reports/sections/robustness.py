"""Robustness: what champions lose on noisy, blurred or otherwise corrupted test images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from reports import wording
from reports.run import CellKey, Row, Run, cell_key, records
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
    order = list(run.info.get("corruptions", {}))
    rows = records(frame[frame["metric"] == "accuracy"])
    rows.sort(key=lambda row: (_place(order, row["corruption"]), row["severity"]))
    of_cell: dict[CellKey, list[Row]] = {}
    for row in rows:
        of_cell.setdefault(cell_key(row), []).append(row)
    cells = [cell for cell in run.cells if cell["key"] in of_cell]
    return [_tested(run, cell, of_cell[cell["key"]]) for cell in cells] or None


def _place(order: list[str], name: str) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order)), name


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


SECTION = of_run(
    "robustness",
    "Robustness",
    "robustness.html.j2",
    robustness_of,
    "A large loss under a corruption that your images may have, such as another scanner's noise, "
    "says that the accuracy above will not hold there. No network was trained on these copies.",
)
