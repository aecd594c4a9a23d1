"""How often the report's 95 % intervals cover the truth of simulated experiments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.statistics.learners import learned_experiment, learned_truths
from benchmarks.statistics.truth import Truth, truth_of
from benchmarks.statistics.worlds import MEMBERS, Rows, World, experiment
from reports.derived.intervals import spreads_of_scenarios
from reports.metrics.measured import Measured, Metrics
from reports.statistics.outcomes import Outcomes
from reports.statistics.panel import Panel
from reports.statistics.training import IMAGES, Design

_DRAWS = 300

SIX = (1.7, 1.7, 1.2, 1.2, 2.2, 2.2)  # three blocks of two configurations
_COPIES = (1, 4, 9)

WORLDS = {
    # one training, one split
    "47 images": World(groups=47),
    "113 images, 10 classes": World(groups=113, classes=10),
    "1000 images, 10 classes": World(groups=1000, classes=10),
    "100 images, 2 classes": World(groups=100, classes=2, skills=(1.2,)),
    "100 images, 3 classes, 9 to 1": World(groups=100, classes=3, imbalance=9),
    "300 images, 5 classes, 9 to 1": World(groups=300, imbalance=9),
    "47 images, 94 % right": World(groups=47, skills=(3.0,)),
    "66 images, 97 % right": World(groups=66, skills=(3.3,)),
    "90 groups of 1 to 3 images": World(groups=90, sizes=(1, 1, 1, 1, 1, 1, 1, 2, 2, 3)),
    "60 groups of 1, 4 or 9, 94 % right": World(groups=60, sizes=_COPIES, skills=(3.0,)),
    "47 images, overconfident": World(groups=47, sharpness=2.5),
    "113 images, 10 classes, overconfident": World(groups=113, classes=10, sharpness=2.5),
    "113 images, trainings differ": World(groups=113, training=0.3),
    # several trainings on one split
    "2 seeds, 113 images, 10 classes": World(
        groups=113, classes=10, skills=SIX, training=0.3, count=2
    ),
    "3 seeds, 47 images": World(groups=47, skills=SIX, training=0.3, count=3),
    "3 seeds, one configuration": World(groups=60, training=0.3, count=3),
    "5 seeds, 60 groups of 1, 4 or 9": World(
        groups=60, sizes=_COPIES, skills=SIX, training=0.3, count=5
    ),
    "5 seeds, trainings alike": World(groups=60, skills=SIX, count=5),
    # several splits
    "2 repeats, 113 images, 10 classes": World(
        groups=113, classes=10, skills=SIX, training=0.3, design="repeats", count=2
    ),
    "2 repeats, one configuration": World(groups=60, training=0.3, design="repeats", count=2),
    "3 repeats, 47 images": World(groups=47, skills=SIX, training=0.3, design="repeats", count=3),
    "5 repeats, 47 images": World(groups=47, skills=SIX, training=0.15, design="repeats", count=5),
    "5 repeats, trainings alike": World(groups=47, skills=SIX, design="repeats", count=5),
    "3 folds of 40 images": World(groups=40, skills=SIX, training=0.3, design="folds", count=3),
    "5 folds of 40 images": World(groups=40, skills=SIX, training=0.3, design="folds", count=5),
    "5 folds of 40 images, overconfident, 9 to 1": World(
        groups=40, skills=SIX, training=0.3, design="folds", count=5, sharpness=2.5, imbalance=9
    ),
    "5 folds of 40 images, trainings alike": World(groups=40, skills=SIX, design="folds", count=5),
    "5 folds of 40 images, one configuration": World(
        groups=40, training=0.3, design="folds", count=5
    ),
}

LEARNED = {
    "3 repeats of 47 images, discriminants": World(groups=47, design="repeats", count=3),
    "5 repeats of 47 images, discriminants": World(groups=47, design="repeats", count=5),
    "5 folds of 30 images, discriminants": World(groups=30, design="folds", count=5),
}
"""Experiments in which trainings are real and share training images."""


@dataclass(frozen=True)
class Covered:
    """How a metric's intervals did."""

    share: float  # that held the truth
    half_width: float  # on average
    trainings: float  # share that covers other trainings, and not these trained networks only


def coverage(name: str, times: int, seed: int = 0) -> dict[str, Covered]:
    """By metric; those of one class (the first) are named 'class precision' and so on."""
    world, learned = (WORLDS | LEARNED)[name], name in LEARNED
    rng = np.random.default_rng([seed, world.groups, world.count, world.classes])
    if learned:
        truths = learned_truths(world, rng)
    else:
        of_skill = {skill: truth_of(world, skill, rng) for skill in set(world.skills)}
        truths = [of_skill[skill] for skill in world.skills]
    hits: dict[str, list[tuple[bool, float, bool]]] = {}
    for number in range(times):
        rows = (learned_experiment if learned else experiment)(world, rng)
        for metric, hit in _hits(world, rows, truths, (name, seed, number)):
            hits.setdefault(metric, []).append(hit)
    return {
        metric: Covered(*(float(value) for value in np.mean(own, axis=0)))
        for metric, own in hits.items()
    }


def _hits(
    world: World, rows: Sequence[Rows], truths: Sequence[Truth], name: object
) -> list[tuple[str, tuple[bool, float, bool]]]:
    metrics = Metrics(panel_of(world, rows, name), ["0"])  # of the classes the first will do
    spreads = spreads_of_scenarios({"": metrics})[""] if world.count > 1 else {}
    found = []
    for configuration, truth in enumerate(truths):
        own = [i for i, one in enumerate(rows) if one.configuration == configuration]
        lucks = [rows[i].luck for i in own]
        for one in metrics.measure(own, spreads):
            metric = _name(one)
            if one.interval is None or metric not in truth.curves:
                continue
            images = one.covers == IMAGES
            target = truth.of_these(metric, lucks) if images else truth.everywhere(metric)
            found.append((metric, (target in one.interval, one.interval.half_width, not images)))
    return found


def panel_of(world: World, rows: Sequence[Rows], name: object) -> Panel:
    """As the report sees them."""
    configuration = np.array([one.configuration for one in rows])
    unit = np.array([one.unit for one in rows])
    none = np.zeros_like(unit)
    division, seed = (none, unit) if world.design == "seeds" else (unit, none)
    design = Design(configuration, configuration // MEMBERS, division, seed)
    return Panel([outcomes_of_rows(one) for one in rows], design, name, _DRAWS)


def outcomes_of_rows(rows: Rows) -> Outcomes:
    return Outcomes(rows.labels, rows.probabilities.argmax(axis=1), rows.probabilities, rows.groups)


def _name(one: Measured) -> str:
    return f"class {one.metric}" if one.label else one.metric
