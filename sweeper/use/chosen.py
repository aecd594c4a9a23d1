"""Choose a trained network of a finished run, and read its trial from the store.

The page has one headline per scenario; the default is the network of the one that it names for
`predict` (`reports.headline.used_headline`), since accuracies under different split policies or on
different classes are not comparable.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from reports.headline import used_headline
from reports.run import Row, Run, interval_of
from reports.statistics import Interval
from sweeper.errors import StoreError
from sweeper.plan.grid import Cell
from sweeper.plan.trial_spec import TrialSpec
from sweeper.results.champions_file import CHAMPIONS_FILE
from sweeper.store.store import Store
from sweeper.use.finished import FinishedRun
from sweeper.use.operating_points import OperatingPoint, operating_points
from sweeper.use.run_tables import read_run_tables

_TABLES = ("cells", "confusion", "intervals", "thresholds", "operating_points")


@dataclass(frozen=True)
class ChosenCell:
    """A cell with its champion. `row` is the cell's row of the `cells` table."""

    cell: Cell
    row: Row
    spec: TrialSpec
    classes: list[str]  # in the order of the network's outputs
    n_candidates: int  # configurations it was chosen from; 0 if the cell was requested
    points: Sequence[OperatingPoint] = ()  # of the classes, where the run has them

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the test accuracy."""
        return interval_of(self.row)

    @property
    def temperature(self) -> float:
        """The divisor of the logits; 1 if the run has fitted none."""
        return float(self.row.get("temperature") or 1.0)

    def summary(self) -> str:
        """Which cell was used, why, and its test accuracy."""
        row, interval = self.row, self.interval
        why = "as requested"
        if self.n_candidates:
            why = (
                f"best on validation of {self.n_candidates} configurations of its scenario; "
                "see --cell"
            )
        accuracy = f"test accuracy {100 * row['accuracy']:.0f} %"
        if interval:
            accuracy += f" (95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f})"
        return f"{self.cell.id} ({why}): {accuracy} on {row['n_test']} test rows"


def choose(run: FinishedRun, store: Store, wanted: str | None = None) -> ChosenCell:
    """Choose the run's headline, or the wanted cell: its id or its anchor in the report.

    Raises StoreError: no such cell, no finished cell, or a trial that is not in the store.
    """
    tables = read_cells(run)
    if wanted is not None:
        row, n_candidates = _wanted(tables.done, wanted), 0
    else:
        headline = used_headline(tables)
        assert headline is not None
        row, n_candidates = headline.best, headline.of
    classes = list(run.about["scenarios"][row["scenario"]])
    points = operating_points(tables.tables, row, classes)
    return ChosenCell(Cell.of(row), row, _spec(row, run, store), classes, n_candidates, points)


def read_cells(run: FinishedRun) -> Run:
    """Read the tables of a run that has at least one finished cell."""
    with_tables = Run(run.about, read_run_tables(run, _TABLES))
    if not with_tables.done:
        raise StoreError(f"run '{run.folder}': none of its cells is done; finish the run first")
    return with_tables


def _wanted(rows: list[Row], wanted: str) -> Row:
    named = {name: row for row in rows for name in (Cell.of(row).id, str(row["anchor"]))}
    if wanted.removeprefix("#") in named:
        return named[wanted.removeprefix("#")]
    close = difflib.get_close_matches(wanted, named, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise StoreError(
        f"--cell '{wanted}'{hint}: no finished cell of the run; expected one of its {len(rows)}, "
        f"such as {Cell.of(rows[0]).id}, or its anchor in the report, such as {rows[0]['anchor']}"
    )


def _spec(row: Row, run: FinishedRun, store: Store) -> TrialSpec:
    """The champion's trial, as the run has kept it; the images of the run are not needed."""
    path = run.folder / "results" / CHAMPIONS_FILE
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))[row["champion"]]
        spec = TrialSpec.from_json({**kept, "store": store.address, "cell": Cell.of(row).id})
    except (OSError, ValueError, KeyError, TypeError):
        spec = None
    if spec is None or spec.key != row["champion"]:
        raise StoreError(
            f"run '{run.folder}': its champion {row['champion']} was trained by another version "
            f"of the project; rebuild its tables with python sweep.py report {run.folder}"
        )
    if store.find(*spec.target.place) is None:
        raise StoreError(
            f"store '{store.address}': it has no trials/{spec.key} of this run; give the run's "
            "store with --store, or run the sweep again"
        )
    return spec
