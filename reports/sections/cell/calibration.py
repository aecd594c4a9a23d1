"""The calibration of the champion's probabilities, before and after temperature scaling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from reports import wording
from reports.figures.reliability import reliability_diagram
from reports.metrics import METRICS, Metric
from reports.run import Row, records
from reports.statistics import Interval
from reports.statistics.outcomes import Bin


@dataclass(frozen=True)
class Calibration:
    """Two diagrams, their numbers, and what the temperature says."""

    before: Markup
    after: Markup
    scores: list[tuple[str, str, str, str]]  # name, before, its 95 % interval, after
    temperature: str
    sentence: str


def calibration_of(
    row: Row, bins: pd.DataFrame | None, interval: Callable[[str], Interval | None]
) -> Calibration | None:
    """None for a cell without a test result.

    Args:
        bins: the cell's rows of `reliability`.
        interval: 95 % of a metric as trained, by its column.
    """
    if bins is None or bins.empty or row["temperature"] is None:
        return None
    scaled = bins["scaled"].astype(bool)
    return Calibration(
        before=reliability_diagram(_bins(bins[~scaled]), "As trained"),
        after=reliability_diagram(_bins(bins[scaled]), "At the fitted temperature"),
        scores=[_score(row, metric, interval) for metric in METRICS if metric.calibration],
        temperature=wording.decimal(row["temperature"], 2),
        sentence=_sentence(row["temperature"]),
    )


def _score(
    row: Row, metric: Metric, interval: Callable[[str], Interval | None]
) -> tuple[str, str, str, str]:
    title = f"{metric.title}, %" if metric.percent else metric.title
    scaled = wording.metric(metric, row[f"{metric.name}_scaled"]) if metric.scaled else ""
    found = wording.metric_range(metric, interval(metric.name))
    return title, wording.metric(metric, row[metric.name]), found, scaled


def _bins(rows: pd.DataFrame) -> list[Bin]:
    names = ["low", "high", "rows", "confidence", "accuracy"]
    return [Bin(**row) for row in records(rows[names].sort_values("low"))]


def _sentence(temperature: float) -> str:
    if temperature > 1.05:
        return "above 1: the network was overconfident on validation rows"
    if temperature < 0.95:
        return "below 1: the network was underconfident on validation rows"
    return "close to 1: the network was well calibrated on validation rows"
