"""A cell's metrics and its champion's setting, as lines of two small tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reports import wording
from reports.run import Row, interval_of, optimism_of
from reports.statistics import Interval


@dataclass(frozen=True)
class Metric:
    """One line: `range` is the 95 % interval, empty where there is none."""

    name: str
    value: str
    range: str
    remark: str


def setting(row: Row) -> list[tuple[str, str]]:
    """How the champion was trained."""
    return [
        ("weights", "random" if row["weights"] == "none" else row["weights"]),
        ("learning rate", wording.rate(row["lr"])),
        ("batch size", wording.count(row["batch_size"])),
        ("hidden layers", row["hidden"] or "none"),
        ("best epoch", f"{wording.count(row['best_epoch'])} of {wording.count(row['epochs'])}"),
        ("optimiser steps", wording.count(row["steps"])),
        ("passes over the training rows", wording.decimal(row["passes"], 1)),
        (
            "train / val / test",
            " / ".join(wording.count(row[f"n_{p}"]) for p in ("train", "val", "test")),
        ),
        ("training time", wording.seconds(row["train_s"])),
    ]


def metrics(row: Row, interval: Callable[[str], Interval | None]) -> list[Metric]:
    """What was measured on the test set, in percent. `interval`: of a metric, by its column."""
    shares = [
        ("precision", "precision", "weighted by class size"),
        ("recall", "recall", "weighted: equals accuracy"),
        ("F1", "f1", "weighted by class size"),
        ("macro F1", "macro_f1", "every class counts the same"),
        ("AUROC", "auroc", "one against the rest, weighted"),
    ]
    return [
        Metric("accuracy", wording.percent(row["accuracy"]), _range(interval_of(row)), ""),
        *(
            Metric(name, wording.percent(row[column]), _range(interval(column)), remark)
            for name, column, remark in shares
        ),
        Metric(
            "validation accuracy", wording.percent(row["val_accuracy"]), "", "chose the champion"
        ),
        Metric("optimism", wording.points(optimism_of(row)), "", "validation minus test, points"),
        Metric("most common class", wording.percent(row["chance"]), "", "accuracy of naming it"),
    ]


def _range(interval: Interval | None) -> str:
    return wording.percent_range(interval) if interval else ""
