"""A champion's metrics and calibration as rows and columns of the tables, from its validation and
test predictions in the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from reports.metrics import SCALED, metrics_of
from reports.statistics.outcomes import Outcomes, reliability
from reports.statistics.temperature import at_temperature, fit_temperature


class Calibrated:
    """A champion's test predictions, unscaled and at the temperature fitted on validation."""

    def __init__(self, test: pd.DataFrame, validation: pd.DataFrame) -> None:
        """Both with columns label (int) and probabilities."""
        self._labels, self._plain = _arrays(test)
        self.temperature = fit_temperature(*_arrays(validation))
        self._scaled = at_temperature(self._plain, self.temperature)

    def columns(self) -> dict[str, float]:
        """The values of `reports.metrics.METRIC_COLUMNS`."""
        scaled = metrics_of(self._labels, self._scaled, SCALED)
        return {
            **metrics_of(self._labels, self._plain),
            "temperature": self.temperature,
            **{f"{name}_scaled": value for name, value in scaled.items()},
        }

    def reliability_rows(self, cell: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The bins of a `cell` as rows of the table `reliability`."""
        for scaled, probabilities in ((False, self._plain), (True, self._scaled)):
            for one in reliability(Outcomes.of_arrays(self._labels, probabilities)):
                yield {**cell, "scaled": scaled, **asdict(one)}


def _arrays(predictions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,) int64 and probabilities (n, classes) float32."""
    return predictions["label"].to_numpy(np.int64), np.stack(predictions["probabilities"].to_list())
