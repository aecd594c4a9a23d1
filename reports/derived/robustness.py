"""The table `robustness`: metrics of champions on corrupted test images, and what they lose.

Each corruption is compared with the same network's predictions of the same images without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from reports.derived.tested import group_numbers
from reports.metrics import METRICS
from reports.statistics.outcomes import Outcomes, outcomes_of
from reports.statistics.paired import compare_paired
from reports.tables import CELL

Row = dict[str, Any]
CLEAN = "none"
"""The corruption of an image that is left as it is."""


def robustness_rows(
    tables: Mapping[str, pd.DataFrame], classes: Mapping[str, Sequence[str]]
) -> Iterator[Row]:
    """A row for each cell, corruption, severity and metric, sorted.

    `classes`: names by scenario, in the order of the probabilities.
    """
    groups = group_numbers(tables["images"])
    corrupted = tables["corrupted"]
    for key, rows in corrupted.groupby(list(CELL), dropna=False):
        names = dict(zip(CELL, key, strict=True))
        found = {
            (str(name), str(severity)): outcomes_of(
                own.sort_values("image_id"), classes[str(names["scenario"])], groups
            )
            for (name, severity), own in rows.groupby(["corruption", "severity"])
        }
        clean = found.pop((CLEAN, ""))
        for (name, severity), outcomes in found.items():
            for row in _rows(outcomes, clean):
                yield {**names, "corruption": name, "severity": severity, **row}


def _rows(outcomes: Outcomes, clean: Outcomes) -> Iterator[Row]:
    paired = compare_paired(outcomes.correct, clean.correct, outcomes.groups)
    for metric in METRICS:
        value, before = metric.function.of(outcomes), metric.function.of(clean)
        is_accuracy = metric.name == "accuracy"
        yield {
            "metric": metric.name,
            "value": _number(value),
            "clean": _number(before),
            "difference": _number(value - before),
            "low": paired.interval.low if is_accuracy else None,
            "high": paired.interval.high if is_accuracy else None,
            "p": paired.p if is_accuracy else None,
            "n": len(outcomes.labels),
            "units": outcomes.clusters,
        }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
