"""The predictions of one cell's champion for its test rows, and the groups of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

BINS = 15
"""Equal bins of the predicted class's probability, for the calibration error."""

LEAST_PROBABILITY = 1e-12
"""Below this a probability counts as this, so that its logarithm is finite."""


@dataclass(frozen=True)
class Outcomes:
    """The test rows of a cell, n of them over K classes."""

    labels: np.ndarray  # (n,) int
    predicted: np.ndarray  # (n,) int
    probabilities: np.ndarray  # (n, K) float
    groups: np.ndarray  # (n,) int, numbers of groups; copies and duplicates share one

    @classmethod
    def of_arrays(cls, labels: np.ndarray, probabilities: np.ndarray) -> Outcomes:
        """Rows that are all groups of their own."""
        exact = probabilities.astype(float)
        return cls(labels, exact.argmax(axis=1), exact, np.arange(len(labels)))

    @property
    def correct(self) -> np.ndarray:
        """(n,) bool."""
        return np.asarray(self.labels == self.predicted)

    @property
    def confidence(self) -> np.ndarray:
        """(n,) probability of the predicted class."""
        return np.asarray(self.probabilities.max(axis=1))

    @property
    def bins(self) -> np.ndarray:
        """(n,) int, which of `BINS` bins the confidence lies in."""
        return np.asarray(np.clip(np.ceil(self.confidence * BINS).astype(int) - 1, 0, BINS - 1))

    @property
    def classes(self) -> int:
        return int(self.probabilities.shape[1])

    @property
    def clusters(self) -> int:
        """Different groups among the rows."""
        return len(np.unique(self.groups))


@dataclass(frozen=True)
class Bin:
    """The rows whose top probability lies in (low, high]."""

    low: float
    high: float
    rows: int
    confidence: float  # their mean top probability
    accuracy: float


def reliability(outcomes: Outcomes) -> list[Bin]:
    """The `BINS` equal-width bins of the top class's probability that hold rows, in order."""
    return [
        Bin(
            low=int(b) / BINS,
            high=(int(b) + 1) / BINS,
            rows=int(inside.sum()),
            confidence=float(outcomes.confidence[inside].mean()),
            accuracy=float(outcomes.correct[inside].mean()),
        )
        for b in np.unique(outcomes.bins)
        for inside in [outcomes.bins == b]
    ]


def surprise(outcomes: Outcomes) -> np.ndarray:
    """(n,) -ln of the probability of each row's true class, in nats."""
    own = outcomes.probabilities[np.arange(len(outcomes.labels)), outcomes.labels]
    return np.asarray(-np.log(np.maximum(own, LEAST_PROBABILITY)))


def outcomes_of(
    predictions: pd.DataFrame, classes: Sequence[str], groups: Mapping[str, int]
) -> Outcomes:
    """From the cell's rows of the table `predictions`.

    Args:
        classes: names in the order of the probabilities.
        groups: image_id -> number of its group. An image that is not in it is its own group.
    """
    number = {name: position for position, name in enumerate(classes)}
    found = [groups.get(image_id, -1) for image_id in predictions["image_id"]]
    strangers = pd.factorize(predictions["image_id"])[0] + 1 + max(groups.values(), default=0)
    return Outcomes(
        labels=np.array([number[name] for name in predictions["label"]], dtype=int),
        predicted=np.array([number[name] for name in predictions["predicted"]], dtype=int),
        probabilities=np.array(list(predictions["probabilities"]), dtype=float),
        groups=np.where(np.array(found) < 0, strangers, found),
    )
