"""Do the report's 95 % intervals cover 95 %, and do its tests cry wolf at most once in twenty?

python -m benchmarks statistics [--times 1000]

Simulated test sets: groups of one to nine images that a model finds hard together, models that
share what is hard, trainings that turn out better or worse. What an interval should cover is the
metric on many images, averaged over many trainings.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.report import tell
from reports.derived.comparisons import comparison_rows
from reports.derived.effects import effect_rows
from reports.derived.tested import Tested, resampled
from reports.statistics.measured import measure
from reports.statistics.outcomes import Outcomes

_MANY = 4000  # groups that stand for all there are


@dataclass(frozen=True)
class World:
    """What test sets and trainings are drawn from."""

    groups: int = 40  # in one test set
    sizes: tuple[int, ...] = (1, 1, 1, 1, 1, 1, 1, 2, 2, 3)  # images of a group, each as likely
    classes: int = 5
    skill: float = 1.7
    training: float = 0.0  # spread of the skill over trainings
    repeats: int = 1
    folds: bool = False  # the repeats test other images each; else all the same, under more seeds


WORLDS = {
    "47 images, each alone": World(groups=47, sizes=(1,)),
    "113 images, 10 classes": World(groups=113, sizes=(1,), classes=10),
    "40 groups": World(),
    "90 groups, 10 classes": World(groups=90, classes=10),
    "250 groups, 94 % right": World(groups=250, sizes=(1, 1, 2, 6), skill=3.0),
    "60 groups of 1, 4, 9, 94 % right": World(groups=60, sizes=(1, 4, 9), skill=3.0),
    "60 groups of 1, 4, 9": World(groups=60, sizes=(1, 4, 9)),
    "3 seeds": World(groups=50, training=0.3, repeats=3),
    "5 seeds": World(groups=90, training=0.3, repeats=5),
    "5 seeds, trainings alike": World(groups=90, repeats=5),
    "3 folds": World(groups=60, training=0.3, repeats=3, folds=True),
    "5 folds": World(groups=60, training=0.3, repeats=5, folds=True),
    "5 folds, trainings alike": World(groups=60, repeats=5, folds=True),
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks statistics", description=__doc__)
    parser.add_argument("--times", type=int, default=1000)
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    for name, world in WORLDS.items():
        for metric, (covered, half_width) in coverage(world, options.times).items():
            rows.append({"of": name, "metric": metric, "share": covered, "width": half_width})
    for name, share in false_alarms(2 * options.times).items():
        rows.append({"of": "no effect", "metric": name, "share": share, "width": None})
    tell("statistics", rows, {"times": options.times})


def coverage(world: World, times: int, seed: int = 0) -> dict[str, tuple[float, float]]:
    """metric -> how often its interval covers the truth, and half its width on average. Metrics of
    one class (the first) are named 'class precision' and so on."""
    rng = np.random.default_rng([seed, world.groups, world.repeats])
    truth = _truth(world, rng)
    hits: dict[str, list[tuple[bool, float]]] = {}
    for number in range(times):
        for one in measure(draw_repeats(world, rng), _names(world), (seed, number), draws=400):
            if one.label in ("", "0") and one.interval is not None:
                name = one.metric if one.label == "" else f"class {one.metric}"
                covered = truth[name] in one.interval
                hits.setdefault(name, []).append((covered, one.interval.half_width))
    return {name: tuple(np.mean(own, axis=0)) for name, own in hits.items()}


def draw_repeats(world: World, rng: np.random.Generator) -> list[Outcomes]:
    """The test rows of one configuration: its seeds or its folds."""
    images = _Images(world, rng)
    found = []
    for repeat in range(world.repeats):
        if world.folds and repeat:
            images = _Images(world, rng, first=repeat * world.groups)
        found.append(images.tested(world.skill + world.training * rng.normal(), rng))
    return found


def false_alarms(times: int, seed: int = 0) -> dict[str, float]:
    """How often a grid in which no choice matters has any effect, or any comparison, that is called
    distinguishable after Holm's correction; and how often a single one is before it.

    Effects are of choices, so trainings differ by luck; comparisons are of the trained models, so
    these are alike.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {}
    for _ in range(times):
        lucky, alike = null_grid(rng, training=0.15), null_grid(rng, training=0.0)
        for name, rows, family in (
            ("effect", effect_rows(lucky), "split_policy"),
            ("comparison", comparison_rows(alike), "scenario"),
        ):
            early = float(np.mean([row["p"] < 0.05 for row in rows]))
            groups = pd.DataFrame(rows).groupby(family)
            alarms = [bool((own["p_holm"] < 0.05).any()) for _, own in groups]
            found.setdefault(f"one {name}", []).append(early)
            found.setdefault(f"any {name} of a family", []).append(float(np.mean(alarms)))
    return {name: float(np.mean(own)) for name, own in found.items()}


def null_grid(rng: np.random.Generator, training: float) -> Tested:
    """24 cells of three backbones over two scenarios, all of the same skill but for the luck of
    their training; scenarios share no image."""
    cells, outcomes = [], []
    for number, scenario in enumerate(("1", "2")):
        world = World(groups=60, sizes=(1,) if number else World.sizes)
        images = _Images(world, rng, first=number * 1000)
        for backbone, augmented, strategy in product(
            "abc", (False, True), ("finetune", "transfer")
        ):
            one = images.tested(world.skill + training * rng.normal(), rng)
            outcomes.append(one)
            cells.append(
                {
                    "split_policy": "grouped",
                    "backbone": backbone,
                    "weights": "imagenet",
                    "scenario": scenario,
                    "augmented": augmented,
                    "strategy": strategy,
                    "seed": 0,
                    "repeat": 1,
                    "fold": 0,
                    "accuracy": one.correct.mean(),
                    "val_accuracy": rng.random(),
                }
            )
    rows = [frozenset((str(i), 0) for i in range(len(one.labels))) for one in outcomes]
    draws, groups = resampled(list(outcomes))
    classes = {name: [str(i) for i in range(World.classes)] for name in ("1", "2")}
    return Tested(pd.DataFrame(cells), list(outcomes), rows, classes, groups, draws)


class _Images:
    """One test set: its classes, its groups, and what is hard about each image for any model."""

    def __init__(self, world: World, rng: np.random.Generator, first: int = 0) -> None:
        sizes = rng.choice(world.sizes, size=world.groups)
        group = np.repeat(np.arange(world.groups), sizes)
        self.groups = group + first
        self.labels = rng.integers(0, world.classes, world.groups)[group]
        of_group = rng.normal(size=(world.groups, world.classes))[group]
        of_image = rng.normal(size=(len(group), world.classes))
        self.hard = np.sqrt(0.7) * of_group + np.sqrt(0.3) * of_image

    def tested(self, skill: float, rng: np.random.Generator) -> Outcomes:
        """By one trained model."""
        logits = np.sqrt(0.5) * self.hard + np.sqrt(0.5) * rng.normal(size=self.hard.shape)
        logits[np.arange(len(self.labels)), self.labels] += skill
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return Outcomes(self.labels, shares.argmax(axis=1), shares, self.groups)


def _truth(world: World, rng: np.random.Generator) -> dict[str, float]:
    trainings = 40 if world.training else 8
    found: dict[str, list[float]] = {}
    for one in _many(world, rng, trainings):
        for measured in measure([one], _names(world), "truth", draws=2):
            if measured.value is None:
                continue
            name = measured.metric if measured.label == "" else f"class {measured.metric}"
            found.setdefault(name, []).append(measured.value)
    return {name: float(np.mean(values)) for name, values in found.items()}


def _many(world: World, rng: np.random.Generator, trainings: int) -> Iterator[Outcomes]:
    large = World(groups=_MANY, sizes=world.sizes, classes=world.classes)
    for _ in range(trainings):
        images = _Images(large, rng)
        yield images.tested(world.skill + world.training * rng.normal(), rng)


def _names(world: World) -> list[str]:
    return [str(number) for number in range(world.classes)]
