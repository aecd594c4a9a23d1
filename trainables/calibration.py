"""Calibration of probabilities: proper scores, reliability bins, temperature scaling.

A temperature T divides all logits before the softmax: T > 1 lowers confidence and changes no
prediction. It is fitted on validation rows only (Guo et al. 2017, "On Calibration of Modern Neural
Networks", section 4.2), on log-probabilities, which equal the logits up to a constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

BINS = 15
TEMPERATURES = (0.05, 20.0)
"""The search range: if every validation row is correct, no finite temperature is optimal."""

_MIN_PROBABILITY = 1e-12  # keeps logarithms finite


@dataclass(frozen=True)
class Bin:
    """The rows whose top probability is in (low, high]."""

    low: float
    high: float
    rows: int
    confidence: float  # their mean top probability
    accuracy: float


def brier_score(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over rows of sum_c (p_c - [c is the label])^2, 0..2 (Brier 1950).

    `labels` (n,) int, `probabilities` (n, classes). With two classes it is twice scikit-learn's
    `brier_score_loss`.
    """
    hits = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - hits) ** 2).sum(1).mean())


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of -ln p_label, in nats; probabilities are clipped to at least 1e-12."""
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(of_label, _MIN_PROBABILITY)).mean())


def expected_calibration_error(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS
) -> float:
    """Expected calibration error of the top class over `bins` equal-width bins.

    sum_b |B_b| / n * |accuracy(B_b) - confidence(B_b)| (Guo et al. 2017, Eq. 3).
    """
    gaps = [
        row.rows / len(labels) * abs(row.accuracy - row.confidence)
        for row in reliability(labels, probabilities, bins)
    ]
    return float(np.sum(gaps))


def reliability(labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> list[Bin]:
    """The non-empty equal-width bins of the top class's probability, in order."""
    confidence = probabilities.max(1)
    hit = probabilities.argmax(1) == labels
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return [
        Bin(
            low=int(b) / bins,
            high=(int(b) + 1) / bins,
            rows=int((bin_of == b).sum()),
            confidence=float(confidence[bin_of == b].mean()),
            accuracy=float(hit[bin_of == b].mean()),
        )
        for b in np.unique(bin_of)
    ]


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The temperature with the lowest log loss on these rows, within `TEMPERATURES`."""
    logs = _log(probabilities)
    found = minimize_scalar(
        lambda log_t: log_loss(labels, _softmax(logs / np.exp(log_t))),
        bounds=np.log(TEMPERATURES),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def at_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Rescale probabilities (n, classes) by `temperature`; float64."""
    return _softmax(_log(probabilities) / temperature)


def _log(probabilities: np.ndarray) -> np.ndarray:
    logs: np.ndarray = np.log(np.maximum(probabilities.astype(np.float64), _MIN_PROBABILITY))
    return logs


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    scaled: np.ndarray = exponentials / exponentials.sum(1, keepdims=True)
    return scaled
