"""How far probabilities can be believed: proper scores, bins of confidence, one temperature.

A temperature T divides all logits before the softmax: T > 1 makes a network less sure and changes
no prediction. It is fitted on validation rows only (Guo et al. 2017, "On Calibration of Modern
Neural Networks", section 4.2), by the logarithms of the probabilities: logits up to a constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15
TEMPERATURES = (0.05, 20.0)
"""The range searched: where every validation row is right, no finite temperature is the best."""

_LEAST = 1e-12  # of a probability, so that its logarithm is finite


@dataclass(frozen=True)
class Bin:
    """The rows whose top probability lies in (low, high]."""

    low: float
    high: float
    rows: int
    confidence: float  # their mean top probability
    accuracy: float


def brier_score(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over rows of sum_c (p_c - [c is the label])^2, 0..2 (Brier 1950), of labels (n,) int and
    probabilities (n, classes). With two classes it is twice scikit-learn's `brier_score_loss`."""
    hits = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - hits) ** 2).sum(1).mean())


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of -ln p_label, in nats; a probability counts as 1e-12 at least."""
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(own, _LEAST)).mean())


def expected_calibration_error(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS
) -> float:
    """Expected calibration error of the top class over `bins` equal-width bins:
    sum_b |B_b| / n * |accuracy(B_b) - confidence(B_b)| (Guo et al. 2017, Eq. 3)."""
    found = reliability(labels, probabilities, bins)
    return float(
        np.sum([one.rows / len(labels) * abs(one.accuracy - one.confidence) for one in found])
    )


def reliability(labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> list[Bin]:
    """The equal-width bins of the top class's probability that hold rows, in order."""
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
    from scipy.optimize import minimize_scalar  # a worker that only measures does without

    logs = np.log(np.maximum(probabilities.astype(np.float64), _LEAST))
    found = minimize_scalar(
        lambda log_t: log_loss(labels, _softmax(logs / np.exp(log_t))),
        bounds=np.log(TEMPERATURES),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def at_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (n, classes) float64 with all logits divided by `temperature`."""
    return _softmax(np.log(np.maximum(probabilities.astype(np.float64), _LEAST)) / temperature)


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    scaled: np.ndarray = exponentials / exponentials.sum(1, keepdims=True)
    return scaled
