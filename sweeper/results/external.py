"""The result on an external test set, as the terminal prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from reports import wording
from reports.run import Row, load_run_tables, records
from reports.statistics import Interval
from sweeper.plan.grid import Cell
from sweeper.use.external import Tested

_TABLES = ("cells", "confusion", "intervals", "external_metrics")


def external_lines(folder: Path, name: str, tested: Sequence[Tested]) -> Iterator[str]:
    """Lines for each champion: accuracy beside the internal one, and what is left out."""
    run = load_run_tables(folder, _TABLES)
    table = run.tables["external_metrics"]
    rows = records(table[(table["test_set"] == name) & (table["metric"] == "accuracy")])
    for one in tested:
        yield f"{name}, {one.cell}:"
        for row in rows:
            if Cell.of(row).id == one.cell:
                yield f"    {_accuracy(row)}"
        yield from (f"    {line}" for line in one.lines)


def _accuracy(row: Row) -> str:
    of = {"all": "all images", "new": "without copies of training images"}[row["subset"]]
    inside = Interval(row["internal_low"], row["internal_high"]) if row["internal_low"] else None
    text = (
        f"{of}: accuracy {wording.percent(row['value'])} % "
        f"({_range(Interval(row['low'], row['high']))}; {wording.plural(row['rows'], 'image')}), "
        f"internal {wording.percent(row['internal'])} %"
    )
    return text + (f" ({_range(inside)})" if inside else "")


def _range(interval: Interval) -> str:
    return f"95 % CI {wording.percent(interval.low)}-{wording.percent(interval.high)}"
