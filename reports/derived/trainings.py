"""The table `trainings`: the number of trainings of each configuration and the spread of their
accuracies, which the tables that compare configurations use as well."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reports.derived.tested import Tested
from reports.statistics.spreads import spreads_of
from reports.statistics.training import Spreads, Trainings, chosen, pooled

Row = dict[str, Any]


def training_rows(tested: Tested) -> list[Row]:
    """A row for each scenario under each split policy."""
    kept = tested.with_predictions()
    return [
        _row(own, trainings)
        for policy in kept.policies()
        for own, trainings in scenario_trainings(kept.of(split_policy=policy))
    ]


def scenario_trainings(tested: Tested) -> list[tuple[Tested, Trainings]]:
    """The cells of one split policy by scenario, with the spread of their trainings: the scenario's
    own, or where trainings are too few that of all scenarios together."""
    found = [tested.of(scenario=name) for name in tested.scenarios()]
    spreads = [_accuracy(own) for own in found]
    single = pooled([one.spreads.single for one in spreads])
    related = pooled([one.spreads.related for one in spreads])
    return [
        (
            own,
            Trainings(
                one.design,
                one.scale,
                Spreads(chosen(one.spreads.single, single), chosen(one.spreads.related, related)),
            ),
        )
        for own, one in zip(found, spreads, strict=True)
    ]


def policy_trainings(tested: Tested) -> Trainings | None:
    """All cells of one split policy, with the spread of all scenarios together; None where each
    configuration was trained once."""
    if len(tested.cells) == len(tested.configurations()):
        return None
    spreads = [_accuracy(tested.of(scenario=name)).spreads for name in tested.scenarios()]
    whole = Spreads(
        pooled([one.single for one in spreads]), pooled([one.related for one in spreads])
    )
    design = tested.design
    return Trainings(design, tested.scale, whole)


def _accuracy(tested: Tested) -> Trainings:
    """NaN draws, of cells whose predictions were not kept, make no spread."""
    design, scale = tested.design, tested.scale
    if len(tested.cells) == len(tested.configurations()):
        return Trainings(design, scale, Spreads(None, None))
    values = np.where(np.isnan(tested.draws).any(axis=0), np.nan, tested.values)
    return Trainings(design, scale, spreads_of(values, tested.draws, scale, design, tested.groups))


def _row(tested: Tested, trainings: Trainings) -> Row:
    first, single = tested.cells.iloc[0], trainings.spreads.single
    enough = single is not None and single.enough
    scale = float(np.sqrt((trainings.scale**2).mean()))
    return {
        "split_policy": first["split_policy"],
        "scenario": first["scenario"],
        "configurations": len(tested.configurations()),
        "trainings": min(len(own) for own in tested.configurations()),
        "divisions": len(tested.cells[["repeat", "fold"]].drop_duplicates()),
        "seeds": tested.cells["seed"].nunique(),
        "spread": math.sqrt(single.variance) * scale if single and enough else None,
        "degrees": single.degrees if single and enough else None,
    }
