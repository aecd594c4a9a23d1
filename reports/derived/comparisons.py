"""The table `comparisons`: in each scenario and split policy, the configuration that validation
chose against every other one, on the same test images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reports.derived.tested import Tested
from reports.statistics.bootstrap import error_of_mean
from reports.statistics.intervals import difference_of, p_value
from reports.statistics.multiplicity import holm
from reports.statistics.paired import compare_paired
from reports.tables import TRAININGS

Row = dict[str, Any]
_BOOTSTRAP = "groups resampled in both"


def comparison_rows(tested: Tested) -> list[Row]:
    """Holm-corrected within each scenario and split policy."""
    rows: list[Row] = []
    for policy in tested.policies():
        for scenario in sorted(set(tested.cells["scenario"])):
            chosen = (tested.cells["split_policy"] == policy) & (
                tested.cells["scenario"] == scenario
            )
            rows += _family(tested.subset(chosen.to_numpy()))
    return rows


def configuration_name(row: Mapping[str, Any]) -> str:
    """'resnet50/imagenet/augmented/finetune': how `comparisons` names a configuration."""
    augmented = "augmented" if row["augmented"] else "plain"
    return f"{row['backbone']}/{row['weights']}/{augmented}/{row['strategy']}"


def _family(tested: Tested) -> list[Row]:
    configurations = tested.configurations()
    validation = [float(tested.cells["val_accuracy"].iloc[own].mean()) for own in configurations]
    if len(configurations) < 2 or np.isnan(validation).any():
        return []
    best = int(np.argmax(validation))
    rows = [
        row
        for i, own in enumerate(configurations)
        if i != best and (row := _compare(tested, configurations[best], own))
    ]
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = p
    return rows


def _compare(tested: Tested, best: Sequence[int], other: Sequence[int]) -> Row | None:
    """None where they have no training in common, or predictions were not kept."""
    pairs = _same_repeats(tested, best, other)
    if not pairs or any(tested.outcomes[i] is None for pair in pairs for i in pair):
        return None
    first, second = (_columns(tested, position) for position in pairs[0])
    alone = len(pairs) == 1
    return {
        "split_policy": first["split_policy"],
        "scenario": first["scenario"],
        **{name: first[name] if alone else None for name in TRAININGS},
        "best": configuration_name(first),
        "other": configuration_name(second),
        **_difference(tested, pairs),
        "p_holm": None,
    }


def _columns(tested: Tested, position: int) -> Row:
    return {str(name): value for name, value in tested.cells.iloc[position].items()}


def _difference(tested: Tested, pairs: Sequence[tuple[int, int]]) -> Row:
    i, j = pairs[0]
    first, second = tested.outcomes[i], tested.outcomes[j]
    assert first is not None
    assert second is not None
    if len(pairs) == 1 and tested.rows[i] == tested.rows[j]:
        found = compare_paired(first.correct, second.correct, first.groups)
        return {
            "difference": found.difference,
            "low": found.interval.low,
            "high": found.interval.high,
            "p": found.p,
            "discordant": found.discordant,
            "method": found.method,
        }
    return _resampled_difference(tested, pairs)


def _resampled_difference(tested: Tested, pairs: Sequence[tuple[int, int]]) -> Row:
    """Of several trainings, or of cells that do not test the same rows."""
    ours, theirs = [i for i, _ in pairs], [j for _, j in pairs]
    values = tested.accuracies[ours] - tested.accuracies[theirs]
    draws = tested.draws[:, ours] - tested.draws[:, theirs]
    error = error_of_mean(values, draws, tested.groups)
    mean = float(values.mean())
    interval = difference_of(mean, error)
    return {
        "difference": mean,
        "low": interval.low,
        "high": interval.high,
        "p": p_value(mean, error),
        "discordant": None,
        "method": _BOOTSTRAP,
    }


def _same_repeats(
    tested: Tested, best: Sequence[int], other: Sequence[int]
) -> list[tuple[int, int]]:
    def training(position: int) -> tuple[int, ...]:
        return tuple(int(tested.cells.iloc[position][name]) for name in TRAININGS)

    theirs = {training(position): position for position in other}
    return [(i, theirs[training(i)]) for i in best if training(i) in theirs]
