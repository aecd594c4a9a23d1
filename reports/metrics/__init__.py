"""The metrics of the test set. One list: the columns of the tables, the intervals, the page and the
exported tables all follow from it.

A new metric is an entry in one of `classification`, `calibration` and `ranking`, and a line of
docs/reference/tables.md. Most are an `OfSums` of a `Measure`, with `rules.bootstrap` for an
interval.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reports.metrics.calibration import CALIBRATION
from reports.metrics.classification import CLASSIFICATION
from reports.metrics.entry import Metric
from reports.metrics.ranking import RANKING
from reports.statistics.outcomes import Outcomes

__all__ = ["METRICS", "METRIC_COLUMNS", "SCALED", "Metric", "metrics_of"]

METRICS: tuple[Metric, ...] = (*CLASSIFICATION, *RANKING, *CALIBRATION)
"""In the order of the columns and of the page."""

SCALED: tuple[Metric, ...] = tuple(metric for metric in METRICS if metric.scaled)
"""Those that `cells` also has at the fitted temperature."""

METRIC_COLUMNS: tuple[str, ...] = (
    *(metric.name for metric in METRICS),
    "temperature",
    *(f"{metric.name}_scaled" for metric in SCALED),
)
"""The columns of `cells` that follow from a champion's test predictions."""


def metrics_of(
    labels: np.ndarray, probabilities: np.ndarray, metrics: Sequence[Metric] = METRICS
) -> dict[str, float]:
    """Each metric by name, of labels (n,) int and probabilities (n, classes); NaN where the rows
    have none, such as the AUROC of a test part that lacks a class."""
    outcomes = Outcomes.of_arrays(labels, probabilities)
    return {metric.name: metric.function.of(outcomes) for metric in metrics}
