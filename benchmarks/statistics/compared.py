"""Two simulated runs, and how often `compare`'s differences between them hold the true one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.statistics.coverage import outcomes_of_rows
from benchmarks.statistics.truth import Truth, truth_of
from benchmarks.statistics.worlds import MEMBERS, Images, Rows, World, divided, lucks, probabilities
from reports.compare.matched import ACCURACY, CONFIGURATION, difference_rows
from reports.compare.merge import RUN
from reports.derived.tested import Tested, resampled
from reports.statistics.training import IMAGES

METRICS = ("log_loss", "balanced_accuracy", "macro_f1", "mcc", "macro_auroc", "brier")
_RUNS = ("A", "B")
_STRATEGIES = ("transfer", "finetune")
_ANEW = 100  # added to the numbers of other divisions


@dataclass(frozen=True)
class Two:
    """Two runs over one collection of images, each of two configurations in one block."""

    world: World  # without skills
    divided_alike: bool = True
    skills: tuple[float, float] = (1.7, 1.7)  # of each run's configurations


_FOLDS = World(groups=40, training=0.2, design="folds", count=5)
_REPEATS = World(groups=60, training=0.2, design="repeats", count=3)

PAIRS = {
    "1 training, 113 images, 10 classes": Two(World(groups=113, classes=10)),
    "1 training, 47 images, 94 % right": Two(World(groups=47), skills=(3.0, 3.0)),
    "1 training, 113 images, 14 points apart": Two(World(groups=113), skills=(1.7, 1.2)),
    "1 training, 60 groups of 1, 4 or 9": Two(World(groups=60, sizes=(1, 4, 9))),
    "1 training, overconfident, 9 to 1": Two(World(groups=113, sharpness=2.5, imbalance=9)),
    "3 seeds, 113 images": Two(World(groups=113, training=0.2, count=3)),
    "5 folds of 40 images": Two(_FOLDS),
    "5 folds of 40 images, divided anew": Two(_FOLDS, divided_alike=False),
    "5 folds of 40 images, 14 points apart": Two(_FOLDS, skills=(1.7, 1.2)),
    "3 repeats of 60 images, divided anew": Two(_REPEATS, divided_alike=False),
}


@dataclass(frozen=True)
class Held:
    """How the differences of matched configurations did in one metric."""

    share: float  # of intervals that held the truth
    half_width: float  # on average
    apart: float  # share with p below 0.05, before any correction: false where skills are equal
    any_apart: float  # share of comparisons with any such after Holm's correction
    trainings: float  # share that covers other trainings


def compared(name: str, times: int, seed: int = 0) -> dict[str, Held]:
    """By metric."""
    two = PAIRS[name]
    rng = np.random.default_rng([seed, two.world.groups, two.world.classes, two.world.count])
    truths = [truth_of(two.world, skill, rng) for skill in two.skills]
    found: dict[str, list[tuple[float, ...]]] = {}
    for _ in range(times):
        runs = two_runs(two, rng)
        tested = tested_of(two, runs)
        for metric in METRICS:
            for key, own in _by_metric(runs, tested, metric, truths).items():
                if key != ACCURACY or metric == METRICS[0]:
                    found.setdefault(key, []).extend(own)
    return {metric: Held(*np.mean(own, axis=0).tolist()) for metric, own in found.items()}


def two_runs(two: Two, rng: np.random.Generator) -> Mapping[str, Sequence[Rows]]:
    """Networks of all configurations and trainings of run A, and of run B."""
    images = Images(two.world, two.world.collection, rng)
    parts = divided(two.world, images.groups, rng)
    found = {}
    for run, skill in zip(_RUNS, two.skills, strict=True):
        found[run] = list(_run(two.world, skill, images, parts, rng))
        if not two.divided_alike:
            parts = divided(two.world, images.groups, rng)
    return found


def _run(
    world: World,
    skill: float,
    images: Images,
    parts: Sequence[np.ndarray],
    rng: np.random.Generator,
) -> Iterator[Rows]:
    luck = lucks(MEMBERS, world.count, rng)
    for configuration in range(MEMBERS):
        own = images.seen_by_configuration(rng)
        for unit, part in enumerate(parts):
            lucky, labels = float(luck[configuration, unit]), images.labels[part]
            ability = skill + world.training * lucky
            shares = probabilities(world, own[part], labels, ability, rng)
            yield Rows(configuration, unit, labels, shares, images.groups[part], lucky)


def _by_metric(
    runs: Mapping[str, Sequence[Rows]], tested: Tested, metric: str, truths: Sequence[Truth]
) -> dict[str, list[tuple[float, ...]]]:
    """Of each interval: whether it holds the truth, its half width, and so on, as `Held`."""
    rows = [row for row in difference_rows(tested, _RUNS, metric) if row["kind"] == CONFIGURATION]
    rows = [row for row in rows if row["difference"] is not None]
    found: dict[str, list[tuple[float, ...]]] = {}
    for name in (ACCURACY, metric):
        own = [row for row in rows if row["metric"] == name]
        loud = any(row["p_holm"] < 0.05 for row in own)
        for row in own:
            held = row["low"] <= _truth(runs, row, truths) <= row["high"]
            width, covers = (row["high"] - row["low"]) / 2, row["covers"] != IMAGES
            found.setdefault(name, []).append((held, width, row["p"] < 0.05, loud, covers))
    return found


def _truth(
    runs: Mapping[str, Sequence[Rows]], row: Mapping[str, Any], truths: Sequence[Truth]
) -> float:
    """The true difference: of these trained networks, or of all trainings there might be."""
    metric, values = row["metric"], []
    configuration = _STRATEGIES.index(row["configuration"].split("/")[-2])
    for run, truth in zip(_RUNS, truths, strict=True):
        own = [one.luck for one in runs[run] if one.configuration == configuration]
        these = row["covers"] == IMAGES
        values.append(truth.of_these(metric, own) if these else truth.everywhere(metric))
    return values[1] - values[0]


def tested_of(two: Two, runs: Mapping[str, Sequence[Rows]]) -> Tested:
    """Both runs' cells, as `compare` merges them."""
    pairs = [(run, rows) for run, own in runs.items() for rows in own]
    cells = pd.DataFrame([_cell(two, run, rows) for run, rows in pairs])
    outcomes = [outcomes_of_rows(rows) for _, rows in pairs]
    tested = [frozenset((str(group), 0) for group in one.groups) for one in outcomes]
    draws, groups = resampled(list(outcomes))
    classes = {"0": [str(k) for k in range(pairs[0][1].probabilities.shape[1])]}
    cells["accuracy"] = [one.correct.mean() for one in outcomes]
    return Tested(cells, list(outcomes), tested, classes, groups, draws, (), (RUN,))


def _cell(two: Two, run: str, rows: Rows) -> dict[str, object]:
    folds, seeds = two.world.design == "folds", two.world.design == "seeds"
    anew = 0 if two.divided_alike or run == _RUNS[0] else _ANEW
    return {
        RUN: run,
        "split_policy": "grouped",
        "backbone": "network",
        "weights": "imagenet",
        "scenario": "0",
        "augmentation": "none",
        "augmented": False,
        "strategy": _STRATEGIES[rows.configuration],
        "recipe": "paper",
        "seed": rows.unit if seeds else 0,
        "repeat": 1 + (0 if seeds else anew if folds else rows.unit + anew),
        "fold": rows.unit + 1 if folds else 0,
        "temperature": 1.0,
        "val_accuracy": 0.5,
        "val_score": 0.5,
        "val_loss": 0.0,
        "champion": f"{run}{rows.configuration}{rows.unit}",
    }
