"""How often runs in which no choice matters are said to show a difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.statistics.coverage import outcomes_of_rows
from benchmarks.statistics.worlds import Images, Rows, World, experiment, probabilities
from reports.derived.comparisons import comparison_rows
from reports.derived.effects import effect_rows
from reports.derived.tested import ACCURACY, Tested, resampled
from reports.metrics.deciding import DECIDING
from reports.statistics.training import TRAINED

_APART = 100_000  # group numbers of one scenario and the next


@dataclass(frozen=True)
class Grid:
    """A run of equally good configurations: backbones x augmentation x strategy."""

    world: World
    backbones: int
    scenarios: int = 1


GRIDS = {
    "1 training alike": Grid(World(groups=60), 3, 2),
    "1 training, spread 0.1": Grid(World(groups=60, training=0.1), 3, 2),
    "1 training, spread 0.2": Grid(World(groups=60, training=0.2), 3, 2),
    "1 training, spread 0.2, 2 backbones": Grid(World(groups=60, training=0.2), 2),
    "1 training alike, 20 configurations": Grid(World(groups=113), 5),
    "1 training, spread 0.2, 20 configurations": Grid(World(groups=113, training=0.2), 5),
    "2 seeds, spread 0.3, 20 configurations": Grid(World(groups=113, training=0.3, count=2), 5),
    "3 seeds, spread 0.1, 20 configurations": Grid(World(groups=200, training=0.1, count=3), 5),
    "2 repeats, spread 0.3, 8 configurations": Grid(
        World(groups=60, training=0.3, design="repeats", count=2), 2
    ),
    "3 repeats, spread 0.2, 12 configurations": Grid(
        World(groups=47, training=0.2, design="repeats", count=3), 3
    ),
    "5 folds, spread 0.2, 4 configurations": Grid(
        World(groups=40, training=0.2, design="folds", count=5), 1
    ),
    "5 folds, spread 0.2, 12 configurations": Grid(
        World(groups=40, training=0.2, design="folds", count=5), 3
    ),
}

GRIDS_IN_OTHER_METRICS = (
    "1 training alike",
    "2 repeats, spread 0.3, 8 configurations",
    "3 seeds, spread 0.1, 20 configurations",
    "5 folds, spread 0.2, 4 configurations",
)


def false_alarms(name: str, times: int, seed: int = 0, metric: str = ACCURACY) -> dict[str, float]:
    """Of effects and comparisons: how often a single one, and any of its family after Holm's
    correction, is called significant; and how often one that claims to cover other trainings is.

    Where trainings differ and there is one of each configuration, trained networks do differ: their
    comparisons are no false alarms, unless they claim to cover other trainings.
    """
    grid = GRIDS[name]
    rng = np.random.default_rng([seed, grid.world.groups, grid.backbones, grid.world.count])
    found: dict[str, list[float]] = {}
    for _ in range(times):
        tested = null_run(grid, rng).measured_by(DECIDING[metric])
        for kind, rows, family in (
            ("effect", effect_rows(tested), "split_policy"),
            ("comparison", comparison_rows(tested), "scenario"),
        ):
            for key, value in _alarms(rows, family).items():
                found.setdefault(f"{kind}, {key}", []).append(value)
    return {key: float(np.mean(own)) for key, own in found.items()}


def _alarms(rows: list[dict[str, Any]], family: str) -> Mapping[str, float]:
    asked = [row for row in rows if row["p"] is not None]
    if not asked:
        return {"one": 0.0, "any": 0.0, "any over trainings": 0.0}
    families = pd.DataFrame(asked).groupby(family)
    loud = [own[own["p_holm"] < 0.05] for _, own in families]
    return {
        "one": float(np.mean([row["p"] < 0.05 for row in asked])),
        "any": float(np.mean([len(own) > 0 for own in loud])),
        "any over trainings": float(np.mean([(own["covers"] == TRAINED).any() for own in loud])),
    }


def null_run(grid: Grid, rng: np.random.Generator) -> Tested:
    """Its cells as the report has them; scenarios share no image."""
    names = list(product(range(grid.backbones), (False, True), ("transfer", "finetune")))
    world = replace(grid.world, skills=grid.world.skills[:1] * len(names))
    cells, outcomes = [], []
    for scenario in range(grid.scenarios):
        validation = Images(world, world.groups, rng)
        for rows in experiment(world, rng):
            one = outcomes_of_rows(replace(rows, groups=rows.groups + scenario * _APART))
            outcomes.append(one)
            cells.append(
                {
                    "split_policy": "grouped",
                    "backbone": str(names[rows.configuration][0]),
                    "weights": "imagenet",
                    "scenario": str(scenario),
                    "augmented": bool(names[rows.configuration][1]),
                    "augmentation": "fec-ige" if names[rows.configuration][1] else "none",
                    "strategy": names[rows.configuration][2],
                    "recipe": "paper",
                    **_training(world, rows.unit),
                    "accuracy": one.correct.mean(),
                    "temperature": 1.0,
                    "val_accuracy": (validated := _validated(world, rows, validation, rng)),
                    "val_score": validated,
                    "val_loss": 0.0,
                }
            )
    tested = [frozenset((str(group), 0) for group in one.groups) for one in outcomes]
    draws, groups = resampled(list(outcomes))
    classes = {str(number): list("abcdefghij"[: world.classes]) for number in range(grid.scenarios)}
    return Tested(pd.DataFrame(cells), list(outcomes), tested, classes, groups, draws)


def _training(world: World, unit: int) -> dict[str, int]:
    return {
        "seed": unit if world.design == "seeds" else 0,
        "repeat": unit + 1 if world.design == "repeats" else 1,
        "fold": unit + 1 if world.design == "folds" else 0,
    }


def _validated(world: World, rows: Rows, images: Images, rng: np.random.Generator) -> float:
    """The accuracy on validation images, with the luck that the test shows too."""
    skill = world.skills[0] + world.training * rows.luck
    shares = probabilities(world, images.seen_by_configuration(rng), images.labels, skill, rng)
    return float((shares.argmax(axis=1) == images.labels).mean())
