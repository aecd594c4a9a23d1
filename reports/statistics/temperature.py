"""Fit the temperature that calibrates a network's probabilities.

A temperature T divides all logits before the softmax: T > 1 makes a network less confident and
changes no prediction. It is fitted on validation rows only (Guo et al. 2017, "On Calibration of
Modern Neural Networks", section 4.2), on the logarithms of the probabilities, which are the logits
up to a constant.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar

from reports.statistics.outcomes import LEAST_PROBABILITY, Outcomes, surprise

TEMPERATURES = (0.05, 20.0)
"""The range searched: where every validation row is right, no finite temperature is the best."""


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The temperature with the lowest log loss on these rows, within `TEMPERATURES`.

    Args:
        labels: (n,) int.
        probabilities: (n, classes).
    """
    logits = _logits(probabilities)

    def log_loss(log_temperature: float) -> float:
        scaled = _softmax(logits / np.exp(log_temperature))
        return float(surprise(Outcomes.of_arrays(labels, scaled)).mean())

    found = minimize_scalar(
        log_loss,
        bounds=np.log(TEMPERATURES),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def at_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (n, classes) float64 with all logits divided by `temperature`."""
    return _softmax(_logits(probabilities) / temperature)


def calibrated(outcomes: Outcomes, temperature: float | None) -> Outcomes:
    """The same rows with probabilities at the temperature of their cell, 1 where it has none."""
    scaled = at_temperature(outcomes.probabilities, temperature or 1.0)
    return replace(outcomes, probabilities=scaled)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    """Up to a constant of each row."""
    return np.asarray(np.log(np.maximum(probabilities.astype(np.float64), LEAST_PROBABILITY)))


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    scaled: np.ndarray = exponentials / exponentials.sum(1, keepdims=True)
    return scaled
