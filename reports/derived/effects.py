"""The table `effects`: the effect of each choice under each split policy, and the interaction of
the two strongest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reports.axes import AXES, FACTORS, Role
from reports.derived.tested import Tested
from reports.derived.trainings import policy_trainings
from reports.statistics.blocks import blocks_of
from reports.statistics.contrasts import (
    SHARES_TRAINING,
    Evidence,
    Weights,
    against,
    contrast,
    estimate,
)
from reports.statistics.multiplicity import holm

Row = dict[str, Any]

OTHERS = "the others"
INTERACTION = " \u00d7 "  # between the names of two factors


@dataclass(frozen=True)
class _Choice:
    """One level of a factor against another, or against the mean of the others."""

    factor: str
    level: str
    reference: str
    weights: Weights


def effect_rows(tested: Tested) -> list[Row]:
    """Effects on the cells' metric under each split policy, Holm-corrected as one family each."""
    return [
        row
        for policy in tested.policies()
        for row in _of_policy(tested.of(split_policy=policy), policy)
    ]


def _of_policy(tested: Tested, policy: str) -> list[Row]:
    rows = _estimated(tested, policy)
    known = [row for row in rows if row["p"] is not None]
    for row, p in zip(known, holm([row["p"] for row in known]), strict=True):
        row |= {"p_holm": p, "family": len(known)}
    return rows


def _estimated(tested: Tested, policy: str) -> list[Row]:
    choices, evidence = list(_choices(tested)), _evidence(tested)
    rows = [_row(tested, evidence, policy, [choice]) for choice in choices]
    found = [(row, choice) for row, choice in zip(rows, choices, strict=True) if row["pairs"]]
    best: dict[str, tuple[float, _Choice]] = {}
    for row, choice in found:
        size = abs(row["mean"])
        if choice.factor not in best or size > best[choice.factor][0]:
            best[choice.factor] = (size, choice)
    kept = [row for row, _ in found]
    if len(best) > 1:
        strongest = sorted(best.values(), key=lambda one: -one[0])[:2]
        both = _row(tested, evidence, policy, [choice for _, choice in strongest])
        kept += [both] if both["pairs"] else []
    return kept


def _evidence(tested: Tested) -> Evidence:
    blocks = blocks_of(
        tested.cells, FACTORS, SHARES_TRAINING, tested.values, tested.draws, tested.groups
    )
    return Evidence(blocks, policy_trainings(tested))


def _choices(tested: Tested) -> Iterator[_Choice]:
    """Each level of a factor against the axis's reference; else of two against the second, of more
    against the mean of the others."""
    for axis in (one for one in AXES if one.role is Role.FACTOR):
        levels = sorted(set(tested.cells[axis.name]))
        if len(levels) < 2:
            continue
        reference = axis.reference or (levels[1] if len(levels) == 2 else "")
        if reference in levels:
            for level in (one for one in levels if one != reference):
                yield _Choice(axis.name, level, reference, {level: 1.0, reference: -1.0})
        else:
            yield from (_Choice(axis.name, one, OTHERS, against(one, levels)) for one in levels)


def _row(tested: Tested, evidence: Evidence, policy: str, choices: list[_Choice]) -> Row:
    one = contrast(tested.cells, {choice.factor: choice.weights for choice in choices})
    found = estimate(one, tested.values, tested.draws, tested.groups, evidence, tested.span)
    return {
        "metric": tested.metric,
        "split_policy": policy,
        "factor": INTERACTION.join(choice.factor for choice in choices),
        "level": INTERACTION.join(choice.level for choice in choices),
        "reference": INTERACTION.join(choice.reference for choice in choices),
        "mean": found.mean,
        "low": found.interval.low if found.interval else None,
        "high": found.interval.high if found.interval else None,
        "covers": found.covers,
        "pairs": found.pairs,
        "p": found.p,
        "p_holm": None,
        "family": None,
    }
