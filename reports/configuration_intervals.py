"""The interval of a configuration's metric: a cell's own, or that of the mean over its repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports.run import Row, Run, records
from reports.statistics import Interval, share_interval
from reports.tables import CELL

_OF_ROWS = ("accuracy", "recall")  # shares of the test rows; the others are means over classes

Intervals = Mapping[tuple[Any, ...], Interval]  # by cell (of a mean: seed and fold None) and metric


def recorded_intervals(run: Run) -> Intervals:
    """Those of the table `intervals` over all rows."""
    frame = run.tables["intervals"]
    return {
        (*(row[name] for name in CELL), row["metric"]): Interval(row["low"], row["high"])
        for row in records(frame[(frame["label"] == "") & frame["low"].notna()])
    }


def interval_of(
    rows: Sequence[Row], metric: str, mean: float, pictures: int, recorded: Intervals
) -> Interval | None:
    """The 95 % interval of the mean over `rows`, which differ in seed and fold only.

    Where none is recorded, a share of the test rows has that of one model on `pictures` different
    pictures; other metrics have none.
    """
    first = rows[0] if len(rows) == 1 else {**rows[0], "seed": None, "fold": None}
    found = recorded.get((*(first[name] for name in CELL), metric))
    if found is None and metric in _OF_ROWS and pictures:
        return share_interval(mean, pictures)
    return found
