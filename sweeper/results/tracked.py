"""Give a run's trackers what the store and the tables have: curves, finished cells, the page."""

from __future__ import annotations

from pathlib import Path

from reports.axes import cell_name
from reports.metrics import METRIC_COLUMNS
from reports.run import Row, load_run_tables
from sweeper.plan.ledger import Ledger
from sweeper.plan.trial_spec import TrialSpec
from sweeper.tracking.tracker import CellResult, TrialName
from sweeper.tracking.tracking import Tracking
from trainables.hyperparameters import plain

_WEIGHTS = "weights.safetensors"


def trial_name(spec: TrialSpec) -> TrialName:
    """A trial as trackers name it."""
    drawn = {name: plain(value) for name, value in spec.hyperparameters.items()}
    return TrialName(spec.key, spec.cell, spec.draw, drawn)


def track_results(tracking: Tracking, ledger: Ledger, out: Path) -> None:
    """Log everything that a tracker does not have yet, from the run's folder `out`."""
    specs = {spec.key: spec for cell in ledger.plan.cells for spec in ledger.trials(cell)}
    for spec in specs.values():
        if record := ledger.record(spec):
            tracking.epochs(trial_name(spec), record["curve"])
    rows = {cell_name(row): row for row in load_run_tables(out, ("cells", "confusion")).done}
    missing = set(tracking.missing_cells({name: row["champion"] for name, row in rows.items()}))
    for name, row in rows.items():
        if name in missing:
            tracking.cell(_result(ledger, name, row, specs[row["champion"]]))
    tracking.page(out / "report" / "index.html")


def _result(ledger: Ledger, name: str, row: Row, champion: TrialSpec) -> CellResult:
    store, own = ledger.store, trial_name(champion)
    return CellResult(
        champion=TrialName(own.key, name, own.draw, own.hyperparameters),
        metrics={one: row[one] for one in METRIC_COLUMNS if row[one] is not None},
        weights=store.read(store.get("trials", champion.key), _WEIGHTS),
        weights_file=_WEIGHTS,
    )
