"""Which metric should validation decide by? How good, and how repeatable, its choices are.

`candidates` compete on a few validation images, on which all of them see the same hard ones. Three
kinds are drawn, and a fourth is trained: softmax regressions at several rates, stopped at several
epochs. Choosers are written apart from the report's metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from benchmarks.statistics.worlds import Images, World, probabilities

_SKILL, _SPREAD, _DRAWN = 1.7, 0.25, 8  # of the candidates that are drawn
_FEATURES, _RATES, _EPOCHS = 30, (0.03, 0.1, 0.3, 1.0), (3, 10, 30, 100)
_TRAINING_IMAGES, _DISTANCE, _MANY = 120, 0.45, 2000
_TEMPERATURES = np.geomspace(0.1, 10, 33)

_WORLD = World()

Shares = np.ndarray  # (candidates, n, classes) probabilities


@dataclass(frozen=True)
class Contest:
    """What candidates are, and how many validation images decide between them."""

    kind: str  # alike | uneven | sharper | trained
    images: int


CONTESTS = {
    f"{kind}, {images} images": Contest(kind, images)
    for kind in ("alike", "uneven", "sharper", "trained")
    for images in (15, 30, 47, 113)
}


@dataclass(frozen=True)
class Choice:
    """Of one chooser, averaged over contests."""

    lost: float  # true accuracy of the best candidate minus that of the chosen one
    lost_loss: float  # the same in true log loss, nats
    agreement: float  # how often two sets of validation images choose the same candidate


def choices(name: str, times: int, seed: int = 0) -> dict[str, Choice]:
    """By chooser."""
    contest = CONTESTS[name]
    rng = np.random.default_rng([seed, contest.images, sum(map(ord, contest.kind))])
    found: dict[str, list[tuple[float, float, bool]]] = {name: [] for name in CHOOSERS}
    for _ in range(times):
        true_accuracy, true_loss, sets = _contest(contest, rng)
        for chooser, score in CHOOSERS.items():
            first, second = (_chosen(score, *one) for one in sets)
            lost = true_accuracy.max() - true_accuracy[first]
            lost_loss = true_loss[first] - true_loss.min()
            found[chooser].append((float(lost), float(lost_loss), first == second))
    return {name: Choice(*map(float, np.mean(own, axis=0))) for name, own in found.items()}


Set = tuple[np.ndarray, Shares]  # labels (n,) and what every candidate says of them


def _contest(
    contest: Contest, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, tuple[Set, Set]]:
    """True accuracies and losses (candidates,), and two sets of validation images."""
    shown = _trained(contest, rng) if contest.kind == "trained" else _drawn(contest, rng)
    labels, many = shown(_MANY)
    accuracy = (many.argmax(axis=2) == labels).mean(axis=1)
    return accuracy, _losses(labels, many), (shown(contest.images), shown(contest.images))


def _drawn(contest: Contest, rng: np.random.Generator) -> Callable[[int], Set]:
    """Candidates of different skill; `uneven` ones are over- and underconfident, `sharper` ones the
    more overconfident the better they are, which is what misleads the log loss most."""
    skills = _SKILL + _SPREAD * rng.normal(size=_DRAWN)
    sharpness = {
        "alike": np.ones(_DRAWN),
        "uneven": np.exp(0.5 * rng.normal(size=_DRAWN)),
        "sharper": np.exp(0.5 + 0.4 * (skills - _SKILL) / _SPREAD),
    }[contest.kind]

    def shown(count: int) -> Set:
        images = Images(replace(_WORLD, groups=count), count, rng)
        own = images.seen_by_configuration(rng)  # draws of one configuration
        found = [
            probabilities(replace(_WORLD, sharpness=s), own, images.labels, skill, rng)
            for skill, s in zip(skills, sharpness, strict=True)
        ]
        return images.labels, np.stack(found)

    return shown


def _trained(contest: Contest, rng: np.random.Generator) -> Callable[[int], Set]:
    """Softmax regressions on normal features, at every rate and after every number of epochs."""
    classes = _WORLD.classes
    means = _DISTANCE * rng.normal(size=(classes, _FEATURES))

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(count) % classes
        return labels, means[labels] + rng.normal(size=(count, _FEATURES))

    weights = [w for rate in _RATES for w in _regression(*drawn(_TRAINING_IMAGES), classes, rate)]

    def shown(count: int) -> Set:
        labels, features = drawn(count)
        return labels, np.stack([_softmax(features @ one) for one in weights])

    return shown


def _regression(
    labels: np.ndarray, features: np.ndarray, classes: int, rate: float
) -> list[np.ndarray]:
    """The weights after each of `_EPOCHS` of gradient descent."""
    weights, found = np.zeros((features.shape[1], classes)), []
    for epoch in range(1, max(_EPOCHS) + 1):
        gap = _softmax(features @ weights) - np.eye(classes)[labels]
        weights = weights - rate * features.T @ gap / len(labels)
        if epoch in _EPOCHS:
            found.append(weights)
    return found


def _softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _chosen(
    score: Callable[[np.ndarray, np.ndarray], float], labels: np.ndarray, all_: Shares
) -> int:
    """Ties are broken by the lower log loss, as in the sweep."""
    losses = _losses(labels, all_)
    scores = [score(labels, one) for one in all_]
    return max(range(len(scores)), key=lambda i: (scores[i], -losses[i]))


def _losses(labels: np.ndarray, all_: Shares) -> np.ndarray:
    own = all_[:, np.arange(len(labels)), labels]
    return np.asarray(-np.log(np.maximum(own, 1e-12)).mean(axis=1))


def _accuracy(labels: np.ndarray, shares: np.ndarray) -> float:
    return float((shares.argmax(axis=1) == labels).mean())


def _balanced(labels: np.ndarray, shares: np.ndarray) -> float:
    right = shares.argmax(axis=1) == labels
    return float(np.mean([right[labels == one].mean() for one in np.unique(labels)]))


def _scaled(labels: np.ndarray, shares: np.ndarray) -> float:
    """Minus the log loss at the best of many temperatures, on the same images."""
    logits = np.log(np.maximum(shares, 1e-12))
    found = np.stack([_softmax(logits / one) for one in _TEMPERATURES])
    return -float(_losses(labels, found).min())


def _brier(labels: np.ndarray, shares: np.ndarray) -> float:
    return -float(((shares - np.eye(shares.shape[1])[labels]) ** 2).sum())


def _auroc(labels: np.ndarray, shares: np.ndarray) -> float:
    """Mean over the classes that are there."""
    found = []
    for one in np.unique(labels):
        ahead = labels == one
        ranks, m = stats.rankdata(shares[:, one]), int(ahead.sum())
        found.append((ranks[ahead].sum() - m * (m + 1) / 2) / (m * (len(labels) - m)))
    return float(np.mean(found))


CHOOSERS: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "accuracy": _accuracy,
    "log_loss": lambda labels, shares: -float(_losses(labels, shares[None])[0]),
    "scaled_log_loss": _scaled,
    "balanced_accuracy": _balanced,
    "brier": _brier,
    "macro_auroc": _auroc,
}
