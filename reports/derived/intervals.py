"""The table `intervals`: every metric of every tested cell, and of every configuration that was
trained several times, with its 95 % interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reports.derived.tested import Tested
from reports.statistics.measured import Measured, measure
from reports.tables import CELL, TRAININGS

Row = dict[str, Any]


def interval_rows(tested: Tested) -> list[Row]:
    """Of a configuration's mean over its trainings, seed, repeat and fold are null."""
    rows = [row for i in range(len(tested.cells)) for row in _measured(tested, [i])]
    for positions in tested.configurations():
        if len(positions) > 1:
            rows += _measured(tested, positions)
    return rows


def _measured(tested: Tested, positions: Sequence[int]) -> Iterator[Row]:
    found = [one for i in positions if (one := tested.outcomes[i]) is not None]
    if len(found) < len(positions):
        return
    cell = {name: tested.cells.iloc[positions[0]][name] for name in CELL}
    if len(positions) > 1:
        cell |= dict.fromkeys(TRAININGS)
    classes = tested.classes[cell["scenario"]]
    name = [str(value) for value in cell.values()]
    for measured in measure(found, classes, name):
        yield {**cell, **_columns(measured)}


def _columns(one: Measured) -> Row:
    return {
        "label": one.label,
        "metric": one.metric,
        "value": one.value,
        "low": one.interval.low if one.interval else None,
        "high": one.interval.high if one.interval else None,
        "method": one.method,
        "units": one.units,
    }
