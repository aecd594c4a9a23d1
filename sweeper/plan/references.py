"""List every artifact that a plan may read, whether or not it exists."""

from __future__ import annotations

from itertools import permutations

from sweeper.plan.artifacts import (
    evaluation,
    explanation,
    map_checks,
    robustness,
    seed_agreement,
)
from sweeper.plan.grid import Cell
from sweeper.plan.lookalikes import comparison
from sweeper.plan.plan import Plan
from sweeper.plan.trial_spec import TrialSpec


def references(plan: Plan) -> set[tuple[str, str]]:
    """Kind and key of all artifacts of a plan.

    A trial that starts from a champion may start from any finished trial of that cell, as another
    draw may become the champion: all of them are named, with the evaluations and explanations of
    every trial.
    """
    specs = {spec.key: spec for cell in plan.cells for spec in _trials(plan, cell)}
    found = {*_collected(plan), *(one.target.place for one in plan.shared)}
    found |= {split.target.place for split in plan.splits.values()}
    for spec in specs.values():
        explained = explanation(spec, plan.explanation_settings)
        found |= {spec.target.place, evaluation(spec).place, explained.place}
        found.add(map_checks(spec, plan.check_settings).place)
        found.add(robustness(spec, plan.config.robustness.corruptions).place)
    return found | _agreements(plan)


def _agreements(plan: Plan) -> set[tuple[str, str]]:
    """Between trials of cells that differ in the training seed alone."""
    cells: dict[Cell, list[Cell]] = {}
    for cell in plan.cells:
        cells.setdefault(cell.at(seed=plan.config.grid.seeds[0]), []).append(cell)
    return {
        seed_agreement(spec, other, plan.check_settings).place
        for alike in cells.values()
        for one, another in permutations(alike, 2)
        for spec in _trials(plan, one)
        for other in _trials(plan, another)
    }


def _collected(plan: Plan) -> set[tuple[str, str]]:
    """The artifacts that collecting the images has left in the store."""
    found = {*plan.collection.artifacts}
    found.add(comparison(plan.collection.images).place)
    if plan.collection.place:
        found.add(plan.collection.place)
    return found


def _trials(plan: Plan, cell: Cell) -> list[TrialSpec]:
    parent = plan.parent_of(cell)
    if parent is None:
        return plan.trials(cell)
    return [spec for start in plan.trials(parent) for spec in plan.trials(cell, start)]
