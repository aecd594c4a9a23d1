"""How well a champion knows when it is right: rows and columns of the tables, from what the store
holds of its validation and test predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from trainables.calibration import (
    at_temperature,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability,
)

CALIBRATION = ("brier", "log_loss", "temperature", "ece_scaled", "brier_scaled")
"""The columns of `cells` that tell of it."""


class Calibrated:
    """A champion's test predictions as they are, and at the temperature fitted on validation."""

    def __init__(self, test: pd.DataFrame, validation: pd.DataFrame) -> None:
        """Both with columns label (int) and probabilities."""
        self._labels, self._plain = _arrays(test)
        self._temperature = fit_temperature(*_arrays(validation))
        self._scaled = at_temperature(self._plain, self._temperature)

    def columns(self) -> dict[str, float]:
        """The values of `CALIBRATION`."""
        return {
            "brier": brier_score(self._labels, self._plain),
            "log_loss": log_loss(self._labels, self._plain),
            "temperature": self._temperature,
            "ece_scaled": expected_calibration_error(self._labels, self._scaled),
            "brier_scaled": brier_score(self._labels, self._scaled),
        }

    def reliability_rows(self, cell: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The bins of a `cell` as rows of the table `reliability`."""
        for scaled, probabilities in ((False, self._plain), (True, self._scaled)):
            for one in reliability(self._labels, probabilities):
                yield {**cell, "scaled": scaled, **asdict(one)}


def _arrays(predictions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,) int64 and probabilities (n, classes) float32."""
    return predictions["label"].to_numpy(np.int64), np.stack(predictions["probabilities"].to_list())
