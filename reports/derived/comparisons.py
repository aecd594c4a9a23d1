"""The table `comparisons`: in each scenario and split policy, the configuration that validation
chose against every other one, on the same test images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reports.axes import TRAININGS, configuration_name
from reports.derived.tested import ACCURACY, Tested
from reports.derived.trainings import scenario_trainings
from reports.headline import preferred, validation_of
from reports.statistics.bootstrap import error_of
from reports.statistics.intervals import difference_of, p_value
from reports.statistics.multiplicity import holm
from reports.statistics.paired import compare_paired
from reports.statistics.training import IMAGES, TRAINED, Trainings

Row = dict[str, Any]
_BOOTSTRAP = "groups resampled in both"
_WITH_TRAININGS = "groups resampled in both, spread of trainings"


def comparison_rows(tested: Tested) -> list[Row]:
    """In the cells' metric; Holm-corrected within each scenario and split policy."""
    return [
        row
        for policy in tested.policies()
        for own, trainings in scenario_trainings(tested.of(split_policy=policy))
        for row in _family(own, trainings)
    ]


def family_size(configurations: int, covers: str) -> int:
    """The number of comparisons that are corrected together.

    A claim that covers other trainings answers for every pair, because validation chose the best
    one with the same trainings that are compared. A claim about these networks answers only for
    the rivals of the chosen one, because the test images had no part in the choice."""
    rivals = configurations - 1
    return rivals if covers == IMAGES else configurations * rivals // 2


def _family(tested: Tested, trainings: Trainings) -> list[Row]:
    configurations = tested.configurations()
    best = preferred(
        {
            number: [validation_of(tested.records[i]) for i in own]
            for number, own in enumerate(configurations)
        }
    )
    if best is None or tested.cells["val_score"].isna().any():
        return []
    rows = [
        row
        for i, own in enumerate(configurations)
        if i != best and (row := _compare(tested, trainings, configurations[best], own))
    ]
    if not rows:
        return []
    covers = TRAINED if any(row["covers"] == TRAINED for row in rows) else IMAGES
    size = max(len(rows), family_size(len(rows) + 1, covers))
    unasked = [1.0] * (size - len(rows))
    corrected = holm([*(row["p"] for row in rows), *unasked])
    for row, p in zip(rows, corrected, strict=False):
        row |= {"p_holm": p, "family": size}
    return rows


def _compare(
    tested: Tested, trainings: Trainings, best: Sequence[int], other: Sequence[int]
) -> Row | None:
    """None where they have no training in common, or predictions were not kept."""
    pairs = _same_trainings(tested, best, other)
    used = [i for pair in pairs for i in pair]
    if not used or any(tested.outcomes[i] is None for i in used):
        return None
    if np.isnan(tested.draws[:, used]).any():  # the metric does not exist in every drawing
        return None
    first, second = (tested.records[position] for position in pairs[0])
    alone = len(pairs) == 1
    return {
        "metric": tested.metric,
        "split_policy": first["split_policy"],
        "scenario": first["scenario"],
        **{name: first[name] if alone else None for name in TRAININGS},
        "best": configuration_name(first),
        "other": configuration_name(second),
        **_difference(tested, trainings, pairs),
        "p_holm": None,
        "family": None,
    }


def _difference(tested: Tested, trainings: Trainings, pairs: Sequence[tuple[int, int]]) -> Row:
    i, j = pairs[0]
    first, second = tested.outcomes[i], tested.outcomes[j]
    assert first is not None
    assert second is not None
    if tested.metric == ACCURACY and len(pairs) == 1 and tested.rows[i] == tested.rows[j]:
        found = compare_paired(first.correct, second.correct, first.groups)
        return {
            "difference": found.difference,
            "low": found.interval.low,
            "high": found.interval.high,
            "covers": IMAGES,
            "p": found.p,
            "discordant": found.discordant,
            "method": found.method,
        }
    return _resampled_difference(tested, trainings, pairs)


def _resampled_difference(
    tested: Tested, trainings: Trainings, pairs: Sequence[tuple[int, int]]
) -> Row:
    """Of several trainings, of cells that do not test the same rows, or in a metric that no exact
    test is for."""
    coefficients = np.zeros(len(tested.cells))
    for i, j in pairs:
        coefficients[[i, j]] += 1 / len(pairs), -1 / len(pairs)
    used = np.flatnonzero(coefficients)
    mean = float(tested.values[used] @ coefficients[used])
    images = error_of(tested.draws[:, used] @ coefficients[used], _groups(tested, used))
    found = trainings.error(images, coefficients) if len(pairs) > 1 else None
    error = found or images
    interval = difference_of(mean, error, tested.span)
    return {
        "difference": mean,
        "low": interval.low,
        "high": interval.high,
        "covers": TRAINED if found else IMAGES,
        "p": p_value(mean, error),
        "discordant": None,
        "method": _WITH_TRAININGS if found else _BOOTSTRAP,
    }


def _groups(tested: Tested, used: np.ndarray) -> int:
    found = [one.groups for i in used if (one := tested.outcomes[i]) is not None]
    return len(np.unique(np.concatenate(found)))


def _same_trainings(
    tested: Tested, best: Sequence[int], other: Sequence[int]
) -> list[tuple[int, int]]:
    def training(position: int) -> tuple[int, ...]:
        return tuple(int(tested.records[position][name]) for name in TRAININGS)

    theirs = {training(position): position for position in other}
    return [(i, theirs[training(i)]) for i in best if training(i) in theirs]
