"""Scores of the probabilities: Brier score, log loss and calibration error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reports.metrics import rules
from reports.metrics.entry import Metric, OfSums
from reports.statistics.measures import Measure, mean_of
from reports.statistics.outcomes import BINS, Outcomes, surprise


def _squared_distance(outcomes: Outcomes) -> np.ndarray:
    """(n,), of each row's probabilities from the truth, summed over classes (Brier 1950), 0..2.
    With two classes it is twice scikit-learn's `brier_score_loss`."""
    truth = np.eye(outcomes.classes)[outcomes.labels]
    return np.asarray(((outcomes.probabilities - truth) ** 2).sum(axis=1))


def _gaps(outcomes: Outcomes) -> np.ndarray:
    """(n, BINS + 1): what each row adds to its bin's gap between accuracy and confidence; rows."""
    gap = np.eye(BINS)[outcomes.bins] * (outcomes.correct - outcomes.confidence)[:, None]
    return np.hstack([gap, np.ones((len(gap), 1))])


def _calibration_error(sums: np.ndarray, classes: int) -> np.ndarray:
    """sum_b |B_b| / n * |accuracy(B_b) - confidence(B_b)| (Guo et al. 2017, Eq. 3)."""
    rows = np.where(sums[:, -1] > 0, sums[:, -1], np.nan)
    return np.asarray(np.abs(sums[:, :-1]).sum(axis=1) / rows)


CALIBRATION: tuple[Metric, ...] = (
    Metric(
        name="ece",
        title="ECE",
        remark="expected calibration error",
        meaning=f"expected calibration error of the predicted class over {BINS} equal bins",
        function=OfSums(Measure(_gaps, _calibration_error, smooth=False)),
        interval=rules.calibration_gap,
        higher_is_better=False,
        calibration=True,
        scaled=True,
        listed=True,
        decides=False,  # always answering with the class shares has none, and is no use
    ),
    Metric(
        name="brier",
        title="Brier score",
        remark="",
        meaning="squared distance of the probabilities from the truth, summed over classes",
        function=OfSums(replace(mean_of(_squared_distance), high=2.0, one_more=True)),
        interval=rules.bootstrap,
        higher_is_better=False,
        unit="0..2",
        percent=False,
        calibration=True,
        scaled=True,
    ),
    Metric(
        name="log_loss",
        title="log loss, nats",
        remark="",
        meaning="mean of -ln of the true class's probability",
        function=OfSums(replace(mean_of(surprise), high=float("inf"))),
        higher_is_better=False,
        unit="nats",
        percent=False,
        calibration=True,
        scaled=True,
    ),
)
