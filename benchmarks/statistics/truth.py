"""What an interval should cover: metrics on very many images, written apart from the report's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.statistics.worlds import Rows, World, population

_LUCKS = np.linspace(-2.8, 2.8, 9)
_BINS = 15


@dataclass(frozen=True)
class Truth:
    """The metrics of a configuration for trainings of each luck."""

    curves: Mapping[str, np.ndarray]  # metric -> (lucks,)
    lucks: np.ndarray

    def everywhere(self, metric: str) -> float:
        """Averaged over all trainings there might be."""
        weights = stats.norm.pdf(self.lucks) if len(self.lucks) > 1 else np.ones(1)
        return float(np.average(self.curves[metric], weights=weights))

    def of_these(self, metric: str, lucks: Sequence[float]) -> float:
        """Averaged over trainings of these lucks."""
        return float(np.interp(lucks, self.lucks, self.curves[metric]).mean())


def truth_of(world: World, skill: float, rng: np.random.Generator) -> Truth:
    lucks = _LUCKS if world.training else np.zeros(1)
    scored = [scores(rows) for rows in population(world, skill, lucks, rng)]
    return Truth({name: np.array([one[name] for one in scored]) for name in scored[0]}, lucks)


def scores(rows: Rows) -> dict[str, float]:
    """Each metric of all rows, and 'class precision' and so on of the first class."""
    labels, shares = rows.labels, rows.probabilities
    n, classes = shares.shape
    predicted, confidence = shares.argmax(axis=1), shares.max(axis=1)
    right = predicted == labels
    hits, label, named = (
        np.bincount(one, minlength=classes).astype(float)
        for one in (labels[right], labels, predicted)
    )
    f1 = 2 * hits / np.maximum(label + named, 1)
    precision = hits / np.maximum(named, 1)
    areas = [_area(shares[:, k], labels == k) for k in range(classes)]
    places = np.arange(classes)
    number = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return {
        "accuracy": float(right.mean()),
        "precision": float(label @ precision / n),
        "f1": float(label @ f1 / n),
        "macro_f1": float(f1.mean()),
        "log_loss": float(-np.log(np.maximum(shares[np.arange(n), labels], 1e-12)).mean()),
        "brier": float(((shares - np.eye(classes)[labels]) ** 2).sum() / n),
        "ece": float(np.abs(np.bincount(number, right - confidence)).sum() / n),
        "auroc": areas[1] if classes == 2 else float(label @ areas / n),
        "balanced_accuracy": float((hits / label).mean()),
        "mcc": _correlation(labels, predicted, classes),
        "kappa": _agreement(labels, predicted, 1.0 - np.eye(classes)),
        "quadratic_kappa": _agreement(labels, predicted, np.subtract.outer(places, places) ** 2),
        "macro_auroc": float(np.mean(areas)),
        "average_precision": float(
            np.mean([_average_precision(shares[:, k], labels == k) for k in range(classes)])
        ),
        "class precision": float(precision[0]),
        "class recall": float(hits[0] / label[0]),
        "class f1": float(f1[0]),
        "class auroc": areas[0],
    }


def _correlation(labels: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    """Of the one-hot labels and predictions, all classes together: Matthews' for two."""
    truth, said = (np.eye(classes)[one] for one in (labels, predicted))
    truth, said = truth - truth.mean(axis=0), said - said.mean(axis=0)
    return float((truth * said).sum() / np.sqrt((truth**2).sum() * (said**2).sum()))


def _agreement(labels: np.ndarray, predicted: np.ndarray, cost: np.ndarray) -> float:
    """1 - the mean cost over that of predictions in any other order."""
    other = np.random.default_rng(0).permuted(np.tile(predicted, (20, 1)), axis=1)
    return float(1 - cost[labels, predicted].mean() / cost[labels[None], other].mean())


def _average_precision(scored: np.ndarray, positive: np.ndarray) -> float:
    """The mean, over positive rows, of the share of positives among the rows up to it."""
    order = np.argsort(-scored, kind="stable")
    own = positive[order]
    return float((np.cumsum(own) / np.arange(1, len(own) + 1))[own].mean())


def _area(scored: np.ndarray, positive: np.ndarray) -> float:
    """Mann and Whitney's statistic."""
    ranks, ahead = stats.rankdata(scored), int(positive.sum())
    behind = len(scored) - ahead
    return float((ranks[positive].sum() - ahead * (ahead + 1) / 2) / (ahead * behind))
