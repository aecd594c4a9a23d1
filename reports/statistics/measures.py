"""Metrics as functions of sums over test rows, so that one product with resampling weights gives
them for all draws at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reports.statistics.outcomes import Outcomes

Terms = Callable[[Outcomes], np.ndarray]


@dataclass(frozen=True)
class Measure:
    """A metric of all rows, as a function of the sums of what each row adds.

    Attributes:
        terms: what each row adds to the sums, (n, columns).
        value: sums (draws, columns) and the number of classes -> the metric (draws,); NaN for a
            draw without rows.
        low, high: the range of the metric.
        smooth: whether leaving one group out shows how much the group contributes.
        one_more: whether its error allows for one more group as bad as the worst one.
    """

    terms: Terms
    value: Callable[[np.ndarray, int], np.ndarray]
    low: float = 0.0
    high: float = 1.0
    smooth: bool = True
    one_more: bool = False

    def of(self, outcomes: Outcomes) -> float:
        """The metric of these rows."""
        sums = self.terms(outcomes).sum(axis=0, keepdims=True)
        return float(self.value(sums, outcomes.classes)[0])


@dataclass(frozen=True)
class ClassCounts:
    """Rows of each class: correctly predicted, labelled, and predicted, (draws, classes) each."""

    correct: np.ndarray
    labelled: np.ndarray
    predicted: np.ndarray

    @classmethod
    def of(cls, sums: np.ndarray, classes: int) -> ClassCounts:
        """From sums of `class_counts`."""
        return cls(*(sums[:, i * classes : (i + 1) * classes] for i in range(3)))

    @property
    def rows(self) -> np.ndarray:
        """(draws,) all rows; NaN where there is none."""
        n = self.labelled.sum(axis=1)
        return np.where(n > 0, n, np.nan)


def class_counts(outcomes: Outcomes) -> np.ndarray:
    """The terms of every metric that follows from correct answers, labels and predictions:
    (n, 3 classes)."""
    identity = np.eye(outcomes.classes)
    labels, predicted = identity[outcomes.labels], identity[outcomes.predicted]
    return np.hstack([labels * predicted, labels, predicted])


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, 0 where the whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))


def mean_of(row_score: Callable[[Outcomes], np.ndarray]) -> Measure:
    """The mean of a score (n,) of each row; its range is for the caller to replace."""

    def terms(outcomes: Outcomes) -> np.ndarray:
        scores = row_score(outcomes)
        return np.stack([scores, np.ones(len(scores))], axis=1)

    return Measure(terms, _mean)


def _mean(sums: np.ndarray, classes: int) -> np.ndarray:
    n = np.where(sums[:, 1] > 0, sums[:, 1], np.nan)
    return np.asarray(sums[:, 0] / n)
