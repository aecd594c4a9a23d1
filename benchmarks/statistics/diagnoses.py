"""How often the intervals of sensitivity, specificity and predictive values cover the truth, at a
threshold that was chosen on as many validation images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.statistics.coverage import WORLDS, outcomes_of_rows
from benchmarks.statistics.worlds import Rows, World, experiment, population
from reports.derived.operating_points import AT_THRESHOLD, operating_rows
from reports.derived.tested import Tested, resampled
from reports.statistics.operating_points import Rule, choose_threshold

NAMES = (
    "47 images",
    "113 images, 10 classes",
    "100 images, 2 classes",
    "300 images, 5 classes, 9 to 1",
    "60 groups of 1, 4 or 9, 94 % right",
    "90 groups of 1 to 3 images",
)
RULES = {"youden": Rule(), "sensitivity 0.9": Rule("sensitivity", 0.9)}
_PREVALENCE = 0.02
_CELL = {
    "split_policy": "grouped",
    "backbone": "a",
    "weights": "none",
    "scenario": "s",
    "augmentation": "none",
    "augmented": False,
    "strategy": "transfer",
    "recipe": "paper",
    "seed": 0,
    "repeat": 1,
    "fold": 0,
}


def diagnoses(name: str, rule: Rule, times: int, seed: int = 0) -> dict[str, float]:
    """By metric, of the first class: the share of intervals that hold the truth."""
    world = WORLDS[name]
    rng = np.random.default_rng([seed, world.groups, world.classes])
    (everybody,) = population(world, world.skills[0], np.zeros(1), rng)
    hits: dict[str, list[bool]] = {}
    for _ in range(times):
        for metric, hit in _hits(world, rule, everybody, rng):
            hits.setdefault(metric, []).append(hit)
    return {metric: float(np.mean(own)) for metric, own in hits.items()}


def _hits(
    world: World, rule: Rule, everybody: Rows, rng: np.random.Generator
) -> Iterator[tuple[str, bool]]:
    (validation,), (test,) = experiment(world, rng), experiment(world, rng)
    found = choose_threshold(validation.labels == 0, validation.probabilities[:, 0], rule)
    if found is None:
        return
    truth = _truth(everybody, found.value)
    for row in operating_rows(*_tables(world, test, found.value), {"0": _PREVALENCE}):
        if row["label"] == "0" and row["point"] == AT_THRESHOLD and row["low"] is not None:
            yield row["metric"], row["low"] <= truth[row["metric"]] <= row["high"]


def _truth(rows: Rows, threshold: float) -> Mapping[str, float]:
    """Written apart from the report."""
    own, called = rows.labels == 0, rows.probabilities[:, 0] >= threshold
    sensitivity, false_alarms = called[own].mean(), called[~own].mean()
    often = _PREVALENCE * sensitivity
    seldom = (1 - _PREVALENCE) * (1 - false_alarms)
    return {
        "sensitivity": sensitivity,
        "specificity": 1 - false_alarms,
        "ppv": own[called].mean(),
        "npv": 1 - own[~called].mean(),
        "ppv_at_prevalence": often / (often + (1 - _PREVALENCE) * false_alarms),
        "npv_at_prevalence": seldom / (seldom + _PREVALENCE * (1 - sensitivity)),
    }


def _tables(world: World, test: Rows, threshold: float) -> tuple[Tested, pd.DataFrame]:
    """One cell, as the report has it."""
    names = [str(number) for number in range(world.classes)]
    one = outcomes_of_rows(test)
    cell: dict[str, Any] = {**_CELL, "accuracy": float(one.correct.mean()), "temperature": 1.0}
    draws, groups = resampled([one])
    rows = [frozenset((str(number), 0) for number in range(len(test.labels)))]
    tested = Tested(pd.DataFrame([cell]), [one], rows, {"s": names}, groups, draws)
    return tested, pd.DataFrame([{**_CELL, "label": "0", "threshold": threshold}])
