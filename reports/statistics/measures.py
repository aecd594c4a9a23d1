"""Metrics as functions of sums over test rows, so that one product with resampling weights gives
them for all draws at once. With weights of one they equal scikit-learn's.

Sums are (draws, columns): right answers, labels and predictions of each of K classes, then the
calibration gap in each bin, then the Brier score.
"""

from __future__ import annotations

import numpy as np

from reports.statistics.outcomes import BINS, Outcomes

AVERAGES = ("accuracy", "precision", "f1", "macro_f1", "ece", "brier")
"""Metrics of all rows that `metrics_of` gives; recall, weighted by class size, is the accuracy."""


def row_sums(outcomes: Outcomes) -> np.ndarray:
    """What each row adds to the sums: (n, 3 K + BINS + 1)."""
    identity = np.eye(outcomes.classes)
    labels, predicted = identity[outcomes.labels], identity[outcomes.predicted]
    gap = np.eye(BINS)[outcomes.bins] * (outcomes.correct - outcomes.confidence)[:, None]
    brier = ((outcomes.probabilities - labels) ** 2).sum(axis=1, keepdims=True)
    return np.hstack([labels * predicted, labels, predicted, gap, brier])


def group_sums(outcomes: Outcomes) -> np.ndarray:
    """`row_sums` added up within each group: (groups, 3 K + BINS + 1)."""
    _, group = np.unique(outcomes.groups, return_inverse=True)
    rows = row_sums(outcomes)
    sums = np.zeros((int(group.max()) + 1, rows.shape[1]))
    np.add.at(sums, group, rows)
    return sums


def metrics_of(sums: np.ndarray, classes: int) -> dict[str, np.ndarray]:
    """accuracy, class-weighted precision, recall and f1, macro_f1, ece, brier: (draws,) each.

    A class never predicted counts 0; of a draw without a row every metric is NaN. ece: as in
    `trainables.metrics`, over `BINS` bins. brier: squared distance of the probabilities from the
    truth, summed over classes (Brier 1950), 0..2.
    """
    right, label, predicted = (sums[:, i * classes : (i + 1) * classes] for i in range(3))
    n = label.sum(axis=1)
    n = np.where(n > 0, n, np.nan)
    weight = label / n[:, None]
    f1 = _share(2 * right, label + predicted)
    accuracy = right.sum(axis=1) / n
    seen = np.where(n > 0, ((label + predicted) > 0).sum(axis=1), np.nan)
    return {
        "accuracy": accuracy,
        "precision": (weight * _share(right, predicted)).sum(axis=1),
        "recall": accuracy,
        "f1": (weight * f1).sum(axis=1),
        "macro_f1": f1.sum(axis=1) / seen,
        "ece": np.abs(sums[:, 3 * classes : -1]).sum(axis=1) / n,
        "brier": sums[:, -1] / n,
    }


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))
