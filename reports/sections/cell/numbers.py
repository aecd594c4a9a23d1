"""A cell's metrics and its champion's setting, as lines of two small tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports import wording
from reports.metrics import METRICS, Metric
from reports.metrics.deciding import Deciding
from reports.run import Row, interval_of, optimism_of
from reports.statistics import Interval

IntervalOf = Callable[[str], Interval | None]
"""The 95 % interval of a metric, by its column."""


@dataclass(frozen=True)
class Line:
    """One line: `range` is the 95 % interval, empty where there is none."""

    name: str
    value: str
    range: str
    remark: str


def setting(
    row: Row, hyperparameters: Mapping[str, str], tried: Sequence[Row] = ()
) -> list[tuple[str, str]]:
    """The champion's training; `hyperparameters`: column -> title, `tried`: its candidates."""
    chosen = next((one["setting"] for one in tried if one["chosen"]), "")
    trained = [
        *((title, wording.setting(row[name])) for name, title in hyperparameters.items()),
        ("best epoch", f"{wording.count(row['best_epoch'])} of {wording.count(row['epochs'])}"),
        ("optimiser steps", wording.count(row["steps"])),
        ("passes over the training rows", wording.decimal(row["passes"], 1)),
    ]
    return [
        ("weights", "random" if row["weights"] == "none" else row["weights"]),
        *([("setting", chosen)] if tried else trained),
        (
            "train / val / test",
            " / ".join(wording.count(row[f"n_{p}"]) for p in ("train", "val", "test")),
        ),
        ("training time", wording.seconds(row["train_s"])),
    ]


def metrics(row: Row, interval: IntervalOf, deciding: Deciding) -> list[Line]:
    """The metrics of the test set, and those of the validation that selected the champion.
    `deciding`: by which metric."""
    return [
        *(_metric(row, metric, interval) for metric in METRICS if not metric.calibration),
        *_validation(row, deciding),
        Line("optimism", wording.points(optimism_of(row)), "", "validation minus test, points"),
        Line(
            "majority class", wording.percent(row["chance"]), "", "accuracy of always predicting it"
        ),
    ]


def _validation(row: Row, deciding: Deciding) -> Iterator[Line]:
    selects, accuracy = "selects the champion", deciding.name == "accuracy"
    if not accuracy:
        value = wording.score(deciding, row["val_score"])
        yield Line(f"validation {deciding.title}", value, "", selects)
    remark = selects if accuracy else ""
    yield Line("validation accuracy", wording.percent(row["val_accuracy"]), "", remark)


def _metric(row: Row, metric: Metric, interval: IntervalOf) -> Line:
    found = interval_of(row) if metric.name == "accuracy" else interval(metric.name)
    return Line(
        metric.title,
        wording.metric(metric, row[metric.name]),
        wording.metric_range(metric, found),
        metric.remark,
    )
