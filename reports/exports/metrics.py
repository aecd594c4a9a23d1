"""The tables of a paper: one for each split policy, scenario and strategy, as Tables I to VI.

Rows are backbone x augmentation, columns the metrics marked as exported with 95 % intervals, the
mean over the trainings of a configuration. A failed or missing cell keeps its row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from reports.exports.names import FileNames
from reports.independent_images import independent_images
from reports.metrics import METRICS
from reports.repeats import fold_repeats, metric_interval
from reports.run import Row, Run
from reports.statistics import Interval
from reports.statistics.training import IMAGES, TRAINED
from reports.tables import SCHEMAS

EXPORTED = tuple(metric for metric in METRICS if metric.exported)


@dataclass(frozen=True)
class Value:
    """A metric, 0..1, and its 95 % interval where there is one."""

    value: float
    interval: Interval | None


@dataclass(frozen=True)
class Line:
    """One row: a backbone without or with augmentation."""

    backbone: str
    augmentation: str
    state: str  # done | failed | missing
    repeats: str  # "3 seeds"; empty for a single training
    covers_trainings: bool  # whether the intervals cover other trainings, and not images only
    n_test: int | None  # test rows
    pictures: int | None  # different ones among them, a group counted once
    values: Mapping[str, Value]  # by metric; empty unless some repeat is done


@dataclass(frozen=True)
class PaperTable:
    name: str  # of its files
    policy: str
    scenario: str
    strategy: str
    lines: tuple[Line, ...]


def paper_tables(run: Run) -> Iterator[PaperTable]:
    """In the order of the page's grid."""
    names, pictures = FileNames(), independent_images(run)

    def key(rows: Sequence[Row]) -> tuple[str, str, str]:
        return rows[0]["split_policy"], rows[0]["scenario"], rows[0]["strategy"]

    for (policy, scenario, strategy), members in groupby(run.configurations, key):
        configurations = list(members)
        several = {(rows[0]["backbone"], rows[0]["weights"]) for rows in configurations}
        shared = len(several) > len({backbone for backbone, _ in several})
        lines = [
            _line(
                run,
                rows,
                pictures.get((policy, scenario, rows[0]["augmentation"])),
                shared,
            )
            for rows in configurations
        ]
        name = names.make(policy, scenario, strategy)
        yield PaperTable(name, policy, scenario, strategy, tuple(lines))


def table_csv(table: PaperTable) -> str:
    """Numbers 0..1 to six decimals, a row for each line; what does not exist is empty."""
    head = ["backbone", "augmentation", "state", "repeats", "covers", "n_test", "pictures"]
    head += [f"{metric.name}{end}" for metric in EXPORTED for end in ("", "_low", "_high")]
    rows = []
    for line in table.lines:
        row: list[object] = [line.backbone, line.augmentation, line.state, line.repeats]
        row += [(TRAINED if line.covers_trainings else IMAGES) if line.values else ""]
        row += [line.n_test, line.pictures]
        for metric in EXPORTED:
            one = line.values.get(metric.name)
            whisker = one.interval if one else None
            row += [number_text(one.value if one else None)]
            row += [
                number_text(whisker.low if whisker else None),
                number_text(whisker.high if whisker else None),
            ]
        rows.append(row)
    return csv_text(head, rows)


def cells_csv(run: Run) -> str:
    """The table `cells` as it is, in the order of the grid, its error cut to its last line."""
    names = SCHEMAS["cells"].names
    rows = [[_plain(name, row[name]) for name in names] for row in run.cells]
    return csv_text(names, rows)


def _line(run: Run, rows: Sequence[Row], pictures: int | None, with_weights: bool) -> Line:
    first, repeats = rows[0], fold_repeats(rows)
    name = f"{first['backbone']} ({first['weights']})" if with_weights else first["backbone"]
    states = {row["state"] for row in rows}
    state = next((one for one in ("failed", "missing") if one in states), "done")
    return Line(
        backbone=name,
        augmentation=first["augmentation"],
        state=state,
        repeats=repeats.text if repeats and len(rows) > 1 else "",
        covers_trainings=run.covers_trainings(rows),
        n_test=repeats.n if repeats else None,
        pictures=pictures if repeats else None,
        values=_values(run, rows, pictures or (repeats.n if repeats else 0)),
    )


def _values(run: Run, rows: Sequence[Row], pictures: int) -> dict[str, Value]:
    done = [row for row in rows if row["state"] == "done"]
    found = {}
    for metric in EXPORTED:
        numbers = [row[metric.name] for row in done if row[metric.name] is not None]
        if numbers:
            mean = sum(numbers) / len(numbers)
            interval = metric_interval(run, rows, metric.name, mean, pictures)
            found[metric.name] = Value(mean, interval)
    return found


def _plain(name: str, value: Any) -> object:
    if value is None:
        return ""
    if name == "error":
        return next((line.strip() for line in value.splitlines()[::-1] if line.strip()), "")
    if SCHEMAS["cells"].field(name).type == "int64":
        return int(value)  # pandas makes floats of whole numbers with gaps
    return f"{value:.10g}" if isinstance(value, float) else value


def number_text(value: float | None) -> str:
    """0..1 to six decimals; empty where there is none."""
    return "" if value is None else f"{value:.6f}"


def csv_text(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return file.getvalue()
