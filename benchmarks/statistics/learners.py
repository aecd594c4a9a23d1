"""Experiments with networks that really learn: linear discriminants, trained on what their division
leaves for training.

In the other worlds the luck of a training is drawn by itself. Here it comes from the training
images, which overlap between repeats and between folds as those of a run do (Nadeau and Bengio
2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.statistics.truth import Truth, scores
from benchmarks.statistics.worlds import Rows, World, divided

_FEATURES = (
    6,
    8,
    10,
    12,
)  # that a configuration sees, of two beside each other the same first ones
_DISTANCE = 0.75  # of the class means in each feature
_COLLECTIONS, _NEW_IMAGES = 40, 20_000


@dataclass(frozen=True)
class Collection:
    features: np.ndarray  # (n, d)
    labels: np.ndarray  # (n,)


def learned_experiment(world: World, rng: np.random.Generator) -> list[Rows]:
    """As `worlds.experiment`; the skills of `world` are not used."""
    whole = _collection(world, world.collection, rng)
    groups = np.arange(world.collection)
    parts = divided(world, groups, rng)
    return [
        Rows(number, unit, whole.labels[part], _predict(whole, part, width), groups[part], 0.0)
        for number, width in enumerate(_FEATURES)
        for unit, part in enumerate(parts)
    ]


def learned_truths(world: World, rng: np.random.Generator) -> list[Truth]:
    """Over collections of the same size: other training images too."""
    found: list[list[dict[str, float]]] = [[] for _ in _FEATURES]
    for _ in range(_COLLECTIONS):
        whole = _collection(world, world.collection, rng)
        tested = divided(world, np.arange(world.collection), rng)[0]
        new = _collection(world, _NEW_IMAGES, rng)
        kept = np.setdiff1d(np.arange(world.collection), tested)
        both = Collection(
            np.vstack([whole.features[kept], new.features]),
            np.concatenate([whole.labels[kept], new.labels]),
        )
        part = np.arange(len(kept), len(both.labels))
        for number, width in enumerate(_FEATURES):
            shares = _predict(both, part, width)
            found[number].append(scores(Rows(number, 0, new.labels, shares, part, 0.0)))
    return [
        Truth(
            {name: np.array([np.mean([one[name] for one in own])]) for name in own[0]}, np.zeros(1)
        )
        for own in found
    ]


def _collection(world: World, number: int, rng: np.random.Generator) -> Collection:
    labels = rng.choice(world.classes, size=number, p=world.priors)
    means = np.random.default_rng(1).normal(size=(world.classes, max(_FEATURES))) * _DISTANCE
    return Collection(means[labels] + rng.normal(size=(number, max(_FEATURES))), labels)


def _predict(whole: Collection, tested: np.ndarray, width: int) -> np.ndarray:
    """Probabilities (tested, classes) of a linear discriminant trained on all other images."""
    kept = np.ones(len(whole.labels), dtype=bool)
    kept[tested] = False
    x, labels = whole.features[kept, :width], whole.labels[kept]
    one_hot = np.eye(int(whole.labels.max()) + 1)[labels]
    counts = one_hot.sum(axis=0) + 1e-9
    means = one_hot.T @ x / counts[:, None]
    within = (x - means[labels]).T @ (x - means[labels]) / len(x) + 0.05 * np.eye(width)
    weights = np.linalg.solve(within, means.T)  # (width, classes)
    bias = np.log(counts / len(x)) - 0.5 * (means.T * weights).sum(axis=0)
    logits = whole.features[tested, :width] @ weights + bias
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
