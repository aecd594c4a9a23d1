"""The table `intervals`: every metric of every tested cell, and of every configuration that was
trained several times, with its 95 % interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reports.axes import TRAININGS
from reports.derived.tested import Tested
from reports.statistics.measured import Measured, Metrics, Name
from reports.statistics.panel import Panel
from reports.statistics.training import Spread, chosen, pooled
from reports.tables import CELL

Row = dict[str, Any]


def interval_rows(tested: Tested) -> list[Row]:
    """Of a configuration's mean over its trainings, seed, repeat and fold are null."""
    kept = tested.with_predictions()
    return [row for policy in kept.policies() for row in _of_policy(kept.of(split_policy=policy))]


def _of_policy(tested: Tested) -> Iterator[Row]:
    scenarios = {name: tested.of(scenario=name) for name in tested.scenarios()}
    metrics = {name: _metrics(own) for name, own in scenarios.items()}
    spreads = spreads_of_scenarios(metrics)
    for name, own in scenarios.items():
        for positions in [[i] for i in range(len(own.cells))]:
            yield from _measured(own, metrics[name], positions, {})
        for positions in own.configurations():
            if len(positions) > 1:
                yield from _measured(own, metrics[name], positions, spreads[name])


def _metrics(tested: Tested) -> Metrics:
    first = tested.cells.iloc[0]
    outcomes = [one for one in tested.outcomes if one is not None]
    panel = Panel(outcomes, tested.design, (first["split_policy"], first["scenario"]))
    return Metrics(panel, tested.classes[first["scenario"]])


def spreads_of_scenarios(
    metrics: Mapping[str, Metrics],
) -> dict[str, dict[Name, Spread | None]]:
    """How far trainings lie apart in each metric of each scenario; in a metric of all rows, where a
    scenario has too few trainings, that of all scenarios together."""
    found = {scenario: own.spreads() for scenario, own in metrics.items()}
    names = {name for own in found.values() for name in own if name[0] == ""}
    everywhere = {
        name: pooled([own[name].single for own in found.values() if name in own]) for name in names
    }
    return {
        scenario: {name: chosen(one.single, everywhere.get(name)) for name, one in own.items()}
        for scenario, own in found.items()
    }


def _measured(
    tested: Tested,
    metrics: Metrics,
    positions: Sequence[int],
    spreads: Mapping[Name, Spread | None],
) -> Iterator[Row]:
    cell = {name: tested.cells.iloc[positions[0]][name] for name in CELL}
    if len(positions) > 1:
        cell |= dict.fromkeys(TRAININGS)
    for measured in metrics.measure(positions, spreads):
        yield {**cell, **_columns(measured)}


def _columns(one: Measured) -> Row:
    return {
        "label": one.label,
        "metric": one.metric,
        "value": one.value,
        "low": one.interval.low if one.interval else None,
        "high": one.interval.high if one.interval else None,
        "covers": one.covers,
        "method": one.method,
        "units": one.units,
    }
