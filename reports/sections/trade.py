"""Accuracy against cost: the time of a cell, and the size of its backbone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from reports import wording
from reports.axes import training_choices
from reports.budgets import with_needed_s
from reports.figures.scatter import Point, mark, pareto_front, scatter
from reports.run import Row, Run, training_of

_Key = tuple[str, ...]  # backbone, and how it was trained


@dataclass(frozen=True)
class CostedConfiguration:
    """One configuration with its cost and its accuracy."""

    name: str
    accuracy: str
    time: str
    gmacs: str
    cells: int
    front: bool


@dataclass(frozen=True)
class Trade:
    """Accuracy against cost under one split policy."""

    policy: str
    by_time: Markup
    by_gmacs: Markup
    legend: list[tuple[Markup, str]]
    configurations: list[CostedConfiguration]
    scenarios: str


def trade_of(run: Run) -> Trade | None:
    """Under the most trusted policy, a mean over the scenarios and trainings that all have."""
    if not run.done:
        return None
    policy = run.done[0]["split_policy"]
    done = [row for row in run.done if row["split_policy"] == policy and row["train_s"]]
    found = _configurations(with_needed_s(run, done))
    if not found:
        return None
    scenarios = sorted({row["scenario"] for rows in found.values() for row in rows})
    time_of = {key: _mean(rows, "needed_s") for key, rows in found.items()}
    accuracy_of = {key: _mean(rows, "accuracy") for key, rows in found.items()}
    gmacs = {name: about.get("gmacs") for name, about in run.info.get("backbones", {}).items()}
    front = dict(
        zip(
            found,
            pareto_front(list(time_of.values()), list(accuracy_of.values())),
            strict=True,
        )
    )

    def point(key: _Key, cost: float, on_front: bool) -> Point:
        first = found[key][0]
        label = f"{key[0]}, {wording.strategy(first['strategy'])}" if on_front else ""
        kind, filled = run.backbones.index(key[0]), bool(first["augmented"])
        return Point(max(cost, 1e-3), accuracy_of[key], label, kind, filled, on_front)

    return Trade(
        policy=policy,
        by_time=scatter(
            [point(key, time_of[key], front[key]) for key in found],
            "seconds per cell: all trials, parent transfer search, extraction",
            "Accuracy against time",
        ),
        by_gmacs=_by_gmacs(found, gmacs, accuracy_of, point),
        legend=[(_swatch(i), name) for i, name in enumerate(run.backbones)],
        configurations=[
            CostedConfiguration(
                name=f"{key[0]}, {wording.recipe(found[key][0])}",
                accuracy=wording.percent(accuracy_of[key]),
                time=wording.seconds(time_of[key]),
                gmacs=wording.decimal(gmacs.get(key[0]), 2),
                cells=len(found[key]),
                front=front[key],
            )
            for key in sorted(found, key=lambda key: (time_of[key], -accuracy_of[key], key))
        ],
        scenarios=wording.plural(len(scenarios), "scenario"),
    )


def _configurations(done: Sequence[Row]) -> dict[_Key, list[Row]]:
    """Cells by backbone and how it was trained, those only that every configuration has:
    a mean over other scenarios would compare their difficulty."""

    def key(row: Row) -> _Key:
        return row["backbone"], *training_choices(row)

    def place(row: Row) -> tuple[Any, ...]:
        return row["scenario"], *training_of(row)

    groups = {k: list(rows) for k, rows in groupby(sorted(done, key=key), key=key)}
    if not groups:
        return {}
    shared = set.intersection(*({place(row) for row in rows} for rows in groups.values()))
    matched = {k: [row for row in rows if place(row) in shared] for k, rows in groups.items()}
    return matched if shared else {}


def _mean(rows: Sequence[Row], column: str) -> float:
    return sum(float(row[column]) for row in rows) / len(rows)


def _by_gmacs(
    found: dict[_Key, list[Row]],
    gmacs: dict[str, float | None],
    accuracy_of: dict[_Key, float],
    point: Callable[[_Key, float, bool], Point],
) -> Markup:
    """Nothing where a backbone's multiply-adds are unknown, or all have the same."""
    costs = {key: gmacs.get(key[0]) for key in found}
    if None in costs.values() or len(set(costs.values())) < 2:
        return Markup("")
    known = {key: float(cost) for key, cost in costs.items() if cost}
    front = pareto_front(list(known.values()), [accuracy_of[key] for key in known])
    points = [point(key, known[key], best) for key, best in zip(known, front, strict=True)]
    return scatter(
        points,
        "multiply-adds per image, in 1e9",
        "Accuracy against multiply-adds of the backbone",
    )


def _swatch(kind: int) -> Markup:
    return Markup('<svg width="12" height="12" aria-hidden="true">{}</svg>').format(
        mark(kind, True, 6, 6)
    )
