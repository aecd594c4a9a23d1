"""The table `effects`: what each choice is worth under each split policy, and the interaction of
the two strongest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reports.derived.tested import Tested
from reports.statistics.contrasts import Weights, against, contrast, estimate
from reports.statistics.multiplicity import holm

Row = dict[str, Any]

_PAIRS: dict[str, tuple[object, object]] = {
    "augmented": (True, False),
    "strategy": ("finetune", "transfer"),
}
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
    """Effects of all policies, Holm-corrected as one family."""
    rows = [
        row
        for policy in tested.policies()
        for row in _of_policy(
            tested.subset((tested.cells["split_policy"] == policy).to_numpy()), policy
        )
    ]
    known = [row for row in rows if row["p"] is not None]
    for row, p in zip(known, holm([row["p"] for row in known]), strict=True):
        row["p_holm"] = p
    return rows


def _of_policy(tested: Tested, policy: str) -> list[Row]:
    choices = list(_choices(tested))
    rows = [_row(tested, policy, [choice]) for choice in choices]
    found = [(row, choice) for row, choice in zip(rows, choices, strict=True) if row["pairs"]]
    best: dict[str, tuple[float, _Choice]] = {}
    for row, choice in found:
        size = abs(row["mean"])
        if choice.factor not in best or size > best[choice.factor][0]:
            best[choice.factor] = (size, choice)
    kept = [row for row, _ in found]
    if len(best) > 1:
        strongest = sorted(best.values(), key=lambda one: -one[0])[:2]
        both = _row(tested, policy, [choice for _, choice in strongest])
        kept += [both] if both["pairs"] else []
    return kept


def _choices(tested: Tested) -> Iterator[_Choice]:
    for factor, (level, reference) in _PAIRS.items():
        if {level, reference} <= set(tested.cells[factor]):
            yield _Choice(factor, _text(level), _text(reference), {level: 1.0, reference: -1.0})
    for factor in ("backbone", "scenario"):
        levels = sorted(set(tested.cells[factor]))
        if len(levels) == 2:
            yield _Choice(factor, levels[0], levels[1], {levels[0]: 1.0, levels[1]: -1.0})
        elif len(levels) > 2:
            yield from (_Choice(factor, one, OTHERS, against(one, levels)) for one in levels)


def _row(tested: Tested, policy: str, choices: list[_Choice]) -> Row:
    one = contrast(tested.cells, {choice.factor: choice.weights for choice in choices})
    found = estimate(one, tested.accuracies, tested.draws, tested.groups)
    return {
        "split_policy": policy,
        "factor": INTERACTION.join(choice.factor for choice in choices),
        "level": INTERACTION.join(choice.level for choice in choices),
        "reference": INTERACTION.join(choice.reference for choice in choices),
        "mean": found.mean,
        "low": found.interval.low if found.interval else None,
        "high": found.interval.high if found.interval else None,
        "pairs": found.pairs,
        "p": found.p,
        "p_holm": None,
    }


def _text(level: object) -> str:
    return str(level).lower() if isinstance(level, bool) else str(level)
