"""Write a run's tables from its state in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reports.metrics import METRIC_COLUMNS
from reports.mistakes import Mistake, most_mistaken, pictured
from reports.tables import write_table
from sweeper.plan.grid import Cell
from sweeper.plan.ledger import Ledger
from sweeper.plan.previews import contact_sheets
from sweeper.results.calibrated import Calibrated
from sweeper.results.networks import backbone_rows
from sweeper.results.pictures import draw_pictures
from sweeper.results.pointing import MarkedRegions
from sweeper.results.thresholds import threshold_rows
from sweeper.run.champion_tables import read_checks, read_corrupted
from sweeper.run.predictions import read_predictions, read_validation
from sweeper.store.records import validation_of
from trainables.criterion import rank
from trainables.hyperparameters import HYPERPARAMETERS


@dataclass(frozen=True)
class Outcome:
    """How a run ended: counts of cells and trials by state."""

    cells: Counter[str]
    trials: Counter[str]


def write_tables(ledger: Ledger, errors: Mapping[str, str], folder: Path) -> Outcome:
    """Write all tables of the design. `errors`: cell id -> why its champion has no evaluation."""
    cells = ledger.store.each(
        lambda cell: _CellRows(ledger, cell, errors.get(cell.id, "")), ledger.plan.cells
    )
    marked = MarkedRegions(ledger.plan)
    tables: dict[str, Any] = {
        "cells": [rows.cell_row() for rows in cells],
        "trials": [row for rows in cells for row in rows.trial_rows()],
        "curves": _curves(cells),
        "candidates": list(_candidates(cells)),
        "predictions": [row for rows in cells for row in rows.prediction_rows()],
        "confusion": [row for rows in cells for row in rows.confusion_rows()],
        "reliability": [row for rows in cells for row in rows.reliability_rows()],
        "thresholds": [row for rows in cells for row in rows.threshold_rows()],
        "pictures": draw_pictures(
            ledger.plan.collection,
            pictured(rows.mistakes() for rows in cells),
            ledger.plan.preprocessings[0],
            ledger.store,
        ),
        "attributions": [
            row
            for rows in ledger.store.each(_attributions, cells)
            for row in marked.with_columns(rows)
        ],
        "map_checks": [row for rows in cells for row in rows.map_check_rows()],
        "corrupted": [row for rows in cells for row in rows.corrupted_rows()],
        "previews": [asdict(sheet) for sheet in contact_sheets(ledger.plan)],
        "images": ledger.plan.collection.manifest,
        "metadata": ledger.plan.collection.metadata,
        "duplicates": ledger.plan.collection.duplicates,
        "splits": _splits(ledger),
        "leaks": _leaks(ledger),
        "backbones": backbone_rows(ledger.plan),
    }
    for name, rows in tables.items():
        write_table(folder, name, rows)
    return Outcome(
        Counter(row["state"] for row in tables["cells"]),
        Counter(row["state"] for row in tables["trials"]),
    )


class _CellRows:
    """The rows that one cell has in each table."""

    def __init__(self, ledger: Ledger, cell: Cell, error: str) -> None:
        self.ledger, self.cell, self.error = ledger, cell, error
        self.columns = cell.columns(ledger.plan.labels)
        self.classes = ledger.plan.scenarios[cell.scenario]
        self.specs = ledger.trials(cell)
        self.champion = ledger.champion(cell)
        evaluation = ledger.evaluation(self.champion) if self.champion else None
        self.predictions = (
            read_predictions(ledger.store, self.champion) if evaluation and self.champion else None
        )
        self.validation = (
            read_validation(ledger.store, self.champion)
            if self.predictions is not None and self.champion
            else None
        )
        self.calibrated = (
            Calibrated(self.predictions, self.validation)
            if self.predictions is not None and self.validation is not None
            else None
        )

    def cell_row(self) -> dict[str, Any]:
        state, error = self._state()
        split = self.ledger.plan.split_of(self.cell)
        records = [record for spec in self.specs if (record := self.ledger.record(spec))]
        champion = self.ledger.record(self.champion) if self.champion else None
        return {
            **self.columns,
            "state": state,
            "trials": len(self.specs),
            "stopped": sum(record["state"] == "stopped" for record in records),
            "champion": self.champion.key if self.champion else None,
            **_drawn(self.champion.hyperparameters if self.champion else None),
            "best_epoch": champion["best_epoch"] if champion else None,
            **_budget(champion),
            "n_train": split.count("train"),
            "n_val": split.count("val"),
            "n_test": split.count("test"),
            "val_accuracy": champion["val_accuracy"] if champion else None,
            "val_loss": validation_of(champion)[1] if champion else None,
            "val_score": validation_of(champion)[0] if champion else None,
            **(self.calibrated.columns() if self.calibrated else dict.fromkeys(METRIC_COLUMNS)),
            "train_s": sum(record["wall_s"] for record in records),
            "error": error,
        }

    def _state(self) -> tuple[str, str]:
        if self.predictions is not None:
            return "done", ""
        if self.error:
            return "failed", self.error
        records = [self.ledger.record(spec) for spec in self.specs]
        failures = [r["error"] for r in records if r and r["error"]]
        if self.specs and None not in records and failures and not self.champion:
            return "failed", failures[0]
        if source := self.ledger.plan.parent_of(self.cell):
            sources = [self.ledger.record(spec) for spec in self.ledger.trials(source)]
            if not self.specs and None not in sources:
                return "failed", f"no champion to start from: {source.id} failed"
        return "missing", "not run yet"

    def trial_rows(self) -> Iterator[dict[str, Any]]:
        for spec in self.specs:
            record = self.ledger.record(spec) or {"state": "missing", "curve": []}
            yield {
                **self.columns,
                "trial": spec.key,
                "draw": spec.draw,
                **_drawn(spec.hyperparameters),
                "epochs_max": spec.epochs,
                "rungs": [rung for rung in spec.rungs if rung >= spec.grace_epochs],
                "state": record["state"],
                **_budget(record),
                "best_epoch": record.get("best_epoch"),
                "val_accuracy": record.get("val_accuracy"),
                "val_score": validation_of(record)[0] if record["curve"] else None,
                "wall_s": record.get("wall_s"),
                "images_per_s": record.get("images_per_s"),
                "data_wait": record.get("data_wait"),
                "device": record.get("device", ""),
                "precision": _precision(record.get("arithmetic")),
                "workers": record.get("workers"),
                "error": record.get("error", ""),
            }

    def prediction_rows(self) -> Iterator[dict[str, Any]]:
        if self.predictions is not None:
            for row in self.predictions.to_dict("records"):
                yield {
                    **self.columns,
                    **{str(name): value for name, value in row.items()},
                    "label": self.classes[row["label"]],
                    "predicted": self.classes[row["predicted"]],
                }

    def corrupted_rows(self) -> Iterator[dict[str, Any]]:
        """Predictions of corrupted test images, if the champion makes any."""
        if self.champion is None or not self.ledger.is_tested_for_robustness(self.champion):
            return
        if artifact := self.ledger.corrupted(self.champion):
            for row in read_corrupted(self.ledger.store, artifact).to_dict("records"):
                names = {name: self.classes[row[name]] for name in ("label", "predicted")}
                yield {**self.columns, **{str(k): v for k, v in row.items()}, **names}

    def map_check_rows(self) -> Iterator[dict[str, Any]]:
        """The checks of the champion's maps, if it is explained."""
        if self.champion is None or not self.ledger.plan.checks_maps:
            return
        if self.champion.key in self.ledger.to_explain():
            for artifact in self.ledger.map_checks(self.champion) or ():
                for row in read_checks(self.ledger.store, artifact).to_dict("records"):
                    yield {**self.columns, **{str(k): v for k, v in row.items()}}

    def confusion_rows(self) -> Iterator[dict[str, Any]]:
        if self.predictions is not None:
            pairs = zip(self.predictions["label"], self.predictions["predicted"], strict=True)
            counts = Counter(pairs)
            for i, label in enumerate(self.classes):
                for j, predicted in enumerate(self.classes):
                    pair = {"label": label, "predicted": predicted}
                    yield {**self.columns, **pair, "count": counts[i, j]}

    def reliability_rows(self) -> Iterator[dict[str, Any]]:
        return self.calibrated.reliability_rows(self.columns) if self.calibrated else iter(())

    def threshold_rows(self) -> Iterator[dict[str, Any]]:
        if self.validation is None or self.calibrated is None:
            return iter(())
        rule, temperature = self.ledger.plan.config.operating_rule, self.calibrated.temperature
        return threshold_rows(self.validation, temperature, self.classes, rule, self.columns)

    def mistakes(self) -> list[Mistake]:
        """The champion's most frequent confusions, by class name."""
        if self.predictions is None:
            return []
        names = dict(enumerate(self.classes))
        columns = {name: self.predictions[name].map(names) for name in ("label", "predicted")}
        return most_mistaken(self.predictions.assign(**columns))

    def attribution_rows(self) -> Iterator[dict[str, Any]]:
        artifact = self.ledger.explanation(self.champion) if self.champion else None
        if artifact and self.ledger.plan.explains:
            data = self.ledger.store.read(artifact, "attributions.parquet")
            for row in pq.read_table(pa.BufferReader(data)).to_pylist():
                del row["copy"]
                for name in ("label", "predicted", "target"):
                    row[name] = self.classes[row[name]]
                yield {**self.columns, **row}


def _drawn(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """The columns of a draw."""
    return {
        name: one.column(values[name]) if values else None for name, one in HYPERPARAMETERS.items()
    }


def _budget(record: Mapping[str, Any] | None) -> dict[str, int | float | None]:
    """A trial's epochs, steps and passes; all None without a record, 0 before the first epoch."""
    if record is None:
        return {"epochs": None, "steps": None, "passes": None}
    last = record["curve"][-1] if record["curve"] else {"epoch": 0, "steps": 0, "passes": 0.0}
    return {"epochs": last["epoch"], "steps": last["steps"], "passes": last["passes"]}


def _precision(arithmetic: Mapping[str, Any] | None) -> str | None:
    """float32, tf32 or bfloat16; None of a trial without training, or of an earlier version."""
    if arithmetic is None:
        return None
    rounded = arithmetic["tf32"] and arithmetic["precision"] == "float32"
    return "tf32" if rounded else str(arithmetic["precision"])


def _attributions(rows: _CellRows) -> list[dict[str, Any]]:
    return list(rows.attribution_rows())


def _records(cells: Sequence[_CellRows]) -> dict[str, Mapping[str, Any]]:
    """The record of every trial that has one, once even if cells share it."""
    ledger = cells[0].ledger
    specs = {spec.key: spec for rows in cells for spec in rows.specs}
    return {key: found for key, spec in specs.items() if (found := ledger.record(spec))}


def _curves(cells: Sequence[_CellRows]) -> list[dict[str, Any]]:
    return [
        {"trial": key, **epoch} for key, one in _records(cells).items() for epoch in one["curve"]
    ]


def _candidates(cells: Sequence[_CellRows]) -> Iterator[dict[str, Any]]:
    """What trials tried by themselves; validation chose the first of the best."""
    for key, one in _records(cells).items():
        tried = one.get("candidates", [])
        ranks = [rank(row["val_score"], row["val_loss"]) for row in tried]
        for i, row in enumerate(tried):
            setting = ", ".join(f"{name}={value:g}" for name, value in row["setting"].items())
            yield {
                "trial": key,
                "candidate": i + 1,
                "setting": setting,
                "val_loss": row["val_loss"],
                "val_accuracy": row["val_accuracy"],
                "val_score": row["val_score"],
                "chosen": i == ranks.index(max(ranks)),
            }


def _splits(ledger: Ledger) -> pd.DataFrame:
    frames = [
        split.rows[["image_id", "copy", "part"]].assign(**name.columns)
        for name, split in ledger.plan.splits.items()
    ]
    return pd.concat(frames, ignore_index=True)


def _leaks(ledger: Ledger) -> list[dict[str, Any]]:
    return [
        {
            **name.columns,
            "split_key": split.key,
            "part": part,
            "rows": leaks.rows,
            "leaked": leaks.leaked,
            **leaks.by_kind,
        }
        for name, split in ledger.plan.splits.items()
        for part, leaks in split.leaks.items()
    ]
