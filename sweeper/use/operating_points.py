"""The operating point of each class of a chosen network: its threshold and what it yields.

Validation chose the threshold (the table `thresholds`); the test set measured it (the table
`operating_points`). An image counts as of a class if the class's calibrated probability reaches the
threshold: it may be of several classes, or of none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.derived.operating_points import AT_THRESHOLD, SHARES
from reports.run import Row, cell_key, records


@dataclass(frozen=True)
class Estimate:
    """A number measured on test images with its 95 % interval, which rests on `units` groups."""

    value: float
    low: float | None = None
    high: float | None = None
    units: int | None = None


@dataclass(frozen=True)
class OperatingPoint:
    """The operating point of one class.

    Attributes:
        label: the class.
        rule: how validation chose the threshold, in words.
        threshold: of the calibrated probability; None if validation lacks a side of the class.
        test: sensitivity, specificity, ppv and npv on the test rows, where they exist.
    """

    label: str
    rule: str
    threshold: float | None
    test: Mapping[str, Estimate]

    def is_reached(self, probability: float) -> bool:
        return self.threshold is not None and probability >= self.threshold


def operating_points(
    tables: Mapping[str, pd.DataFrame], cell: Row, classes: Sequence[str]
) -> list[OperatingPoint]:
    """Those of a cell's classes, in this order; empty if the run has no thresholds.

    Args:
        tables: `thresholds` and `operating_points`.
        cell: its row of the table `cells`.
    """
    chosen = {row["label"]: row for row in rows_of(tables["thresholds"], cell)}
    measured: dict[str, dict[str, Estimate]] = {}
    for row in rows_of(tables["operating_points"], cell):
        if row["point"] == AT_THRESHOLD and row["metric"] in SHARES and row["value"] is not None:
            found = Estimate(row["value"], row["low"], row["high"], int(row["units"]))
            measured.setdefault(row["label"], {})[row["metric"]] = found
    return [
        OperatingPoint(
            name, chosen[name]["rule"], chosen[name]["threshold"], measured.get(name, {})
        )
        for name in classes
        if name in chosen
    ]


def classes_reached(
    points: Sequence[OperatingPoint], probabilities: Mapping[str, float]
) -> list[str]:
    """The classes whose probability reaches their threshold."""
    return [one.label for one in points if one.is_reached(probabilities[one.label])]


def rows_of(table: pd.DataFrame, cell: Row) -> list[dict[str, Any]]:
    """The rows of a table that belong to a cell."""
    key = cell_key(cell)
    return [row for row in records(table) if cell_key(row) == key]
