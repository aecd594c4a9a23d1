"""Which trained network of a finished run to go on with, and its trial as the store has it.

Cells of different splits or classes cannot be told apart by their validation accuracy alone: copies
of the validation images in training raise it, and fewer classes do too. So the split policy decides
first, the most trustworthy before the others, then the number of classes, then validation accuracy.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.run import Row, Run, interval_of
from reports.statistics import Interval
from reports.tables import SCHEMAS, read_tables
from sweeper.errors import StoreError
from sweeper.grid import Cell
from sweeper.models.finished import FinishedRun
from sweeper.spec import TrialSpec
from sweeper.store import Artifact, Store

_TABLES = ("cells", "confusion", "intervals")
_FACTORS = ("split_policy", "backbone", "scenario", "augmented", "strategy", "seed", "fold")


@dataclass(frozen=True)
class Chosen:
    """A cell with its champion. `row` is the cell's row of the `cells` table."""

    cell: Cell
    row: Row
    spec: TrialSpec
    classes: list[str]  # in the order of the network's outputs
    of: int  # cells to choose from; 1 where the cell was named

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
        why = f"the best of {self.of} by validation, see --cell" if self.of > 1 else "as asked for"
        accuracy = f"test accuracy {100 * row['accuracy']:.0f} %"
        if interval:
            accuracy += f" (95 % interval {100 * interval.low:.0f} to {100 * interval.high:.0f})"
        return f"{self.cell.id} ({why}): {accuracy} on {row['n_test']} test rows"


def choose(run: FinishedRun, store: Store, wanted: str | None = None) -> Chosen:
    """The run's best cell, or the wanted one: a cell's id or its anchor in the report.

    Raises StoreError: no such cell, none that is done, a trial that the store does not have.
    """
    rows = _done(run)
    if wanted is not None:
        row, of = _wanted(rows, wanted), 1
    else:
        row, of = max(rows, key=lambda one: _rank(one, run, rows)), len(rows)
    classes = list(run.about["scenarios"][row["scenario"]])
    return Chosen(_cell(row), row, _spec(row, run, store), classes, of)


def _done(run: FinishedRun) -> list[Row]:
    """Cells with a champion, in the report's order."""
    try:
        schemas = {name: SCHEMAS[name] for name in _TABLES}
        tables = read_tables(run.folder / "results", schemas)
    except (OSError, ValueError) as error:  # of another version, or no Parquet
        reason = " ".join(str(error).split())
        raise StoreError(f"run '{run.folder}': its tables cannot be read ({reason})") from None
    rows = [row for row in Run(run.about, tables).done if row["champion"]]
    if not rows:
        raise StoreError(f"run '{run.folder}': no cell of it is done; run it first")
    return rows


def _wanted(rows: list[Row], wanted: str) -> Row:
    named = {name: row for row in rows for name in (_cell(row).id, str(row["anchor"]))}
    if wanted.removeprefix("#") in named:
        return named[wanted.removeprefix("#")]
    close = difflib.get_close_matches(wanted, named, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise StoreError(
        f"--cell '{wanted}'{hint}: no finished cell of the run; expected one of its {len(rows)}, "
        f"such as {_cell(rows[0]).id}, or its anchor in the report, such as {rows[0]['anchor']}"
    )


def _rank(row: Row, run: FinishedRun, rows: list[Row]) -> tuple[int, int, float, int]:
    """Rows come in the report's order: the most trustworthy policy first."""
    policies = list(dict.fromkeys(one["split_policy"] for one in rows))
    return (
        -policies.index(row["split_policy"]),
        len(run.about["scenarios"][row["scenario"]]),
        row["val_accuracy"],
        -rows.index(row),
    )


def _cell(row: Mapping[str, Any]) -> Cell:
    return Cell(**{name: row[name] for name in _FACTORS})


def _spec(row: Row, run: FinishedRun, store: Store) -> TrialSpec:
    """The champion's trial, read back from what the store says it was made from. The images of the
    run are not needed."""
    trial = _artifact(store, "trials", row["champion"])
    made_from = trial.made_from
    is_end_to_end = "stream" in made_from
    strategy = str(made_from["strategy"])
    source = "shards" if is_end_to_end else {"transfer": "pooled"}.get(strategy, "prefix")
    table = made_from if is_end_to_end else _table(store, source, made_from)
    config = run.config
    spec = TrialSpec(
        store=store.address,
        cell=_cell(row).id,
        draw=0,
        strategy=strategy,
        split_key=made_from["split"],
        source=source,
        table_key=made_from["table"],
        backbone_key=made_from.get("backbone") or table["backbone"],
        backbone=row["backbone"],
        model_args=config.weights_of(row["backbone"]).model_args,
        classes=made_from["classes"],
        lr=made_from["lr"],
        batch_size=made_from["batch_size"],
        hidden=tuple(made_from["hidden"]),
        epochs=made_from["epochs"],
        epoch_rows=made_from.get("epoch_rows"),
        seed=made_from["seed"],
        pooling=config.head.pooling,
        batchnorm=made_from.get("batchnorm", config.finetune.batchnorm),
        batchnorm_statistics=made_from.get(
            "batchnorm_statistics", config.head.batchnorm_statistics
        ),
        depth=made_from.get("depth", "suffix"),
        precision=made_from.get("precision", "auto"),
        online=bool(made_from.get("online")),
        start_key=made_from.get("start"),
        rungs=(),
        grace_epochs=0,
    )
    if spec.key != row["champion"]:
        raise StoreError(
            f"run '{run.folder}': its champion {row['champion']} was trained by another version "
            "of the project; run the sweep again with this one"
        )
    return spec


def _table(store: Store, source: str, made_from: Mapping[str, Any]) -> Mapping[str, Any]:
    return _artifact(store, source, made_from["table"]).made_from


def _artifact(store: Store, kind: str, key: str) -> Artifact:
    artifact = store.find(kind, key)
    if artifact is None:
        raise StoreError(
            f"store '{store.address}': it has no {kind}/{key} of this run; give the run's store "
            "with --store, or run the sweep again"
        )
    return artifact
