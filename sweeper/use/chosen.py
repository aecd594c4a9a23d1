"""Choose a trained network of a finished run, and read its trial from the store.

The page has one headline per scenario; the default is the network of the one that it names for
`predict` (`reports.headline.used_headline`), since accuracies under different split policies or on
different classes are not comparable.
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
class ChosenCell:
    """A cell with its champion. `row` is the cell's row of the `cells` table."""

    cell: Cell
    row: Row
    spec: TrialSpec
    classes: list[str]  # in the order of the network's outputs
    n_candidates: int  # configurations it was chosen from; 0 if the cell was requested

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
    tables = _read_tables(run)
    if wanted is not None:
        row, n_candidates = _wanted(tables.done, wanted), 0
    else:
        headline = used_headline(tables)
        assert headline is not None
        row, n_candidates = headline.best, headline.of
    classes = list(run.about["scenarios"][row["scenario"]])
    return ChosenCell(_cell(row), row, _spec(row, run, store), classes, n_candidates)


def _read_tables(run: FinishedRun) -> Run:
    """Read the tables of a run that has at least one finished cell."""
    try:
        schemas = {name: SCHEMAS[name] for name in _TABLES}
        tables = read_tables(run.folder / "results", schemas)
    except (OSError, ValueError) as error:  # written by another version, or not Parquet
        reason = " ".join(str(error).split())
        raise StoreError(f"run '{run.folder}': its tables cannot be read ({reason})") from None
    with_tables = Run(run.about, tables)
    if not with_tables.done:
        raise StoreError(f"run '{run.folder}': none of its cells is done; finish the run first")
    return with_tables


def _wanted(rows: list[Row], wanted: str) -> Row:
    named = {name: row for row in rows for name in (_cell(row).id, str(row["anchor"]))}
    if wanted.removeprefix("#") in named:
        return named[wanted.removeprefix("#")]
    close = difflib.get_close_matches(wanted, named, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise StoreError(
        f"--cell '{wanted}'{hint}: not a finished cell; expected one of the run's {len(rows)}, "
        f"such as {_cell(rows[0]).id}, or its anchor in the report, such as {rows[0]['anchor']}"
    )


def _cell(row: Mapping[str, Any]) -> Cell:
    return Cell(**{field.name: row[field.name] for field in fields(Cell)})


def _spec(row: Row, run: FinishedRun, store: Store) -> TrialSpec:
    """Reconstruct the champion's trial from its artifact, without the images of the run."""
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
            "of the project; run the sweep again with this version"
        )
    return spec


def _table(store: Store, source: str, made_from: Mapping[str, Any]) -> Mapping[str, Any]:
    return _artifact(store, source, made_from["table"]).made_from


def _artifact(store: Store, kind: str, key: str) -> Artifact:
    artifact = store.find(kind, key)
    if artifact is None:
        raise StoreError(
            f"store '{store.address}': it has no {kind}/{key} of this run; specify the run's store "
            "with --store, or run the sweep again"
        )
    return artifact
