"""The rows that one cell has in each table of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from reports.metrics import METRIC_COLUMNS
from reports.mistakes import Mistake, most_mistaken
from sweeper.plan.grid import Cell
from sweeper.plan.ledger import Ledger
from sweeper.plan.trial_spec import TrialSpec
from sweeper.results.calibrated import Calibrated
from sweeper.results.thresholds import threshold_rows
from sweeper.run.champion_tables import read_checks, read_corrupted
from sweeper.run.predictions import read_predictions, read_validation
from sweeper.store.records import validation_of
from trainables.hyperparameters import HYPERPARAMETERS


class CellRows:
    """The rows that one cell has in each table."""

    def __init__(self, ledger: Ledger, cell: Cell, error: str) -> None:
        self.ledger, self.cell, self.error = ledger, cell, error
        self.columns: dict[str, Any] = cell.columns(ledger.plan.labels)
        self.classes = ledger.plan.scenarios[cell.scenario]
        self.specs = ledger.trials(cell)
        self.champion = ledger.champion(cell)
        self.is_evaluated = bool(self.champion and ledger.evaluation(self.champion))
        self.metrics: Mapping[str, float | None] = dict.fromkeys(METRIC_COLUMNS)
        self.mistakes: list[Mistake] = []  # the champion's most frequent confusions
        self.confusion: list[dict[str, Any]] = []
        self.reliability: list[dict[str, Any]] = []
        self.thresholds: list[dict[str, Any]] = []
        if self.champion and self.is_evaluated:
            self._summarise(self.champion)

    def _summarise(self, champion: TrialSpec) -> None:
        """What is small: predictions of all cells at once may not fit into memory."""
        predictions = read_predictions(self.ledger.store, champion)
        validation = read_validation(self.ledger.store, champion)
        calibrated = Calibrated(predictions, validation)
        self.metrics = calibrated.columns()
        self.reliability = list(calibrated.reliability_rows(self.columns))
        self.confusion = list(self._confusion_rows(predictions))
        self.mistakes = most_mistaken(self._with_names(predictions))
        rule, temperature = self.ledger.plan.config.operating_rule, calibrated.temperature
        self.thresholds = list(
            threshold_rows(validation, temperature, self.classes, rule, self.columns)
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
            **self.metrics,
            "train_s": sum(record["wall_s"] for record in records),
            "error": error,
        }

    def _state(self) -> tuple[str, str]:
        if self.is_evaluated:
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

    def predictions(self) -> pd.DataFrame | None:
        """The champion's test predictions as rows of that table; read again."""
        if self.champion is None or not self.is_evaluated:
            return None
        found = self._with_names(read_predictions(self.ledger.store, self.champion))
        return found.assign(**self.columns)

    def _with_names(self, predictions: pd.DataFrame) -> pd.DataFrame:
        """With names of classes in place of their numbers."""
        names = np.array(self.classes, dtype=object)
        named = {name: names[predictions[name].to_numpy()] for name in ("label", "predicted")}
        return predictions.assign(**named)

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

    def _confusion_rows(self, predictions: pd.DataFrame) -> Iterator[dict[str, Any]]:
        counts = Counter(zip(predictions["label"], predictions["predicted"], strict=True))
        for i, label in enumerate(self.classes):
            for j, predicted in enumerate(self.classes):
                pair = {"label": label, "predicted": predicted}
                yield {**self.columns, **pair, "count": counts[i, j]}

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
