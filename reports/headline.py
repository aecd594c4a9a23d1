"""The headline of a scenario: the configuration that validation prefers, and its best training.

Scenarios are never compared with each other: fewer classes make any accuracy higher. The page,
`predict`, `export`, the explanations and the comparisons all choose by `preferred`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from reports.run import Row, Run

Name = TypeVar("Name", bound=Hashable)
Validation = tuple[float, float]
"""Score and loss of a training's best epoch on its validation rows; the score is of the metric that
the run's validation decides by, its sign turned where lower is better."""


@dataclass(frozen=True)
class Headline:
    """The chosen configuration of one scenario under one split policy."""

    policy: str
    scenario: str
    rows: list[Row]  # its cells, one for each training
    best: Row  # the finished one among them that validation prefers
    of: int  # configurations with a result to choose from


def preferred(trainings: Mapping[Name, Sequence[Validation]]) -> Name | None:
    """The configuration with the highest mean validation score over its finished trainings.

    One with more finished trainings precedes one with fewer, because a mean of few is easily lucky.
    The lower mean loss, then the earlier name, breaks a tie. None without trainings.
    """
    found = {name: values for name, values in trainings.items() if values}
    if not found:
        return None
    return max(found, key=lambda name: _rank(found[name]))


def validation_of(row: Row) -> Validation:
    """The validation result of a finished cell."""
    score, loss = row["val_score"], row["val_loss"]
    return score if score is not None else -math.inf, loss if loss is not None else 0.0


def headline(run: Run, policy: str, scenario: str) -> Headline | None:
    """The headline of a scenario under a split policy; None if no cell of it has a result."""
    finished = {
        number: done
        for number, rows in enumerate(run.configurations)
        if (rows[0]["split_policy"], rows[0]["scenario"]) == (policy, scenario)
        and (done := [row for row in rows if _has_result(row)])
    }
    chosen = preferred({k: [validation_of(row) for row in v] for k, v in finished.items()})
    if chosen is None:
        return None
    best = max(finished[chosen], key=lambda row: _rank([validation_of(row)]))
    return Headline(policy, scenario, run.configurations[chosen], best, len(finished))


def headlines(run: Run) -> Iterator[Headline]:
    """The headline of every split policy and scenario that has a result, in the report's order."""
    for policy, scenario in product(run.policies, run.scenarios):
        if found := headline(run, policy, scenario):
            yield found


def used_headline(run: Run) -> Headline | None:
    """The headline that `predict` and `export` use: under the most trustworthy split policy, of the
    scenario with the most classes (the first of several) that has a result."""
    for policy in run.policies:
        found = [one for name in run.scenarios if (one := headline(run, policy, name))]
        if found:
            return max(found, key=lambda one: len(run.classes(one.scenario)))
    return None


def _has_result(row: Row) -> bool:
    return bool(row["state"] == "done" and row["accuracy"] is not None)


def _rank(values: Sequence[Validation]) -> tuple[int, float, float]:
    count = len(values)
    score, loss = (sum(column) / count for column in zip(*values, strict=True))
    return count, score, -loss
