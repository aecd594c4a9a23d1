"""Which trained network of a finished run to go on with, and its trial as the store has it.

The page has one headline a scenario; this is the network of the one it names for `predict`
(`reports.headline.used_headline`), for accuracies under different split policies or on different
classes do not compare.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from reports.headline import used_headline
from reports.run import Row, Run, interval_of
from reports.statistics import Interval
from reports.tables import SCHEMAS, read_tables
from sweeper.errors import StoreError
from sweeper.plan.grid import Cell
from sweeper.plan.trial_spec import TrialSpec
from sweeper.store.store import Artifact, Store
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
    return Chosen(_cell(row), row, _spec(row, run, store), classes, of)


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
    named = {name: row for row in rows for name in (_cell(row).id, str(row["anchor"]))}
    if wanted.removeprefix("#") in named:
        return named[wanted.removeprefix("#")]
    close = difflib.get_close_matches(wanted, named, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise StoreError(
        f"--cell '{wanted}'{hint}: no finished cell of the run; expected one of its {len(rows)}, "
        f"such as {_cell(rows[0]).id}, or its anchor in the report, such as {rows[0]['anchor']}"
    )


def _cell(row: Mapping[str, Any]) -> Cell:
    return Cell(**{one.name: row[one.name] for one in fields(Cell)})


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
        augmentation=config.augment.how,
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
