"""Which trained network of a finished run to go on with, and its trial as the store has it.

The page has one headline a scenario; this is the network of the one it names for `predict`
(`reports.headline.used_headline`), for accuracies under different split policies or on different
classes do not compare.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass

from reports.headline import used_headline
from reports.run import Row, Run, interval_of
from reports.statistics import Interval
from reports.tables import SCHEMAS, read_tables
from sweeper.errors import StoreError
from sweeper.plan.grid import Cell
from sweeper.plan.trial_spec import TrialSpec
from sweeper.results.champions_file import CHAMPIONS_FILE
from sweeper.store.store import Store
from sweeper.use.finished import FinishedRun

_TABLES = ("cells", "confusion", "intervals")


@dataclass(frozen=True)
class Chosen:
    """A cell with its champion. `row` is the cell's row of the `cells` table."""

    cell: Cell
    row: Row
    spec: TrialSpec
    classes: list[str]  # in the order of the network's outputs
    of: int  # configurations to choose from; 0 where the cell was named

    @property
    def interval(self) -> Interval | None:
        """Of the test accuracy, 95 %."""
        return interval_of(self.row)

    @property
    def temperature(self) -> float:
        """By which logits are divided; 1 where the run found none."""
        return float(self.row.get("temperature") or 1.0)

    def summary(self) -> str:
        """Which cell was used, and how good it is."""
        row, interval = self.row, self.interval
        why = "as requested"
        if self.of:
            why = f"best on validation of {self.of} configurations of its scenario; see --cell"
        accuracy = f"test accuracy {100 * row['accuracy']:.0f} %"
        if interval:
            accuracy += f" (95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f})"
        return f"{self.cell.id} ({why}): {accuracy} on {row['n_test']} test rows"


def choose(run: FinishedRun, store: Store, wanted: str | None = None) -> Chosen:
    """The run's headline, or the wanted cell: its id or its anchor in the report.

    Raises StoreError: no such cell, none that is done, a trial that the store does not have.
    """
    seen = _readable(run)
    if wanted is not None:
        row, of = _wanted(seen.done, wanted), 0
    else:
        chosen = used_headline(seen)
        assert chosen is not None
        row, of = chosen.best, chosen.of
    classes = list(run.about["scenarios"][row["scenario"]])
    return Chosen(Cell.of(row), row, _spec(row, run, store), classes, of)


def _readable(run: FinishedRun) -> Run:
    """The run as the page sees it, with one finished cell at least."""
    try:
        schemas = {name: SCHEMAS[name] for name in _TABLES}
        tables = read_tables(run.folder / "results", schemas)
    except (OSError, ValueError) as error:  # of another version, or no Parquet
        reason = " ".join(str(error).split())
        raise StoreError(f"run '{run.folder}': its tables cannot be read ({reason})") from None
    seen = Run(run.about, tables)
    if not seen.done:
        raise StoreError(f"run '{run.folder}': no cell of it is done; run it first")
    return seen


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
