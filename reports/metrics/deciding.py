"""What validation may decide by (`metric` of a configuration): a metric of the test set, or the log
loss at the temperature that the validation rows fit.

The last is the default. Temperature scaling removes over- and underconfidence after training, so a
network should not be rejected for it (Berta et al. 2025, "Rethinking Early Stopping: Refine, Then
Calibrate"); docs/explanation/statistics.md has what it gains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from reports.metrics.calibration import CALIBRATION
from reports.metrics.classification import CLASSIFICATION
from reports.metrics.entry import Metric
from reports.metrics.ranking import RANKING
from reports.statistics.outcomes import Outcomes, surprise
from reports.statistics.temperature import at_temperature, fit_temperature

DEFAULT = "log_loss_scaled"


@dataclass(frozen=True)
class Deciding:
    """One way to rank networks on their validation rows, and what it is called on the test rows."""

    name: str
    title: str
    value: Callable[[Outcomes], float]
    metric: Metric  # of the test rows
    scaled: bool = False  # whether of probabilities at the temperature that validation rows fit
    higher_is_better: bool = True
    percent: bool = True

    def score(self, labels: np.ndarray, probabilities: np.ndarray) -> float:
        """The metric of labels (n,) int and probabilities (n, classes), its sign turned where lower
        is better; NaN where it does not exist."""
        value = self.value(Outcomes.of_arrays(labels, probabilities))
        return value if self.higher_is_better else -value


def _at_its_temperature(outcomes: Outcomes) -> float:
    """The log loss at the temperature that these rows fit."""
    labels, probabilities = outcomes.labels, outcomes.probabilities
    scaled = at_temperature(probabilities, fit_temperature(labels, probabilities))
    return float(surprise(Outcomes.of_arrays(labels, scaled)).mean())


DECIDING: Mapping[str, Deciding] = {
    DEFAULT: Deciding(
        DEFAULT,
        "log loss after calibration, nats",
        _at_its_temperature,
        next(one for one in CALIBRATION if one.name == "log_loss"),
        scaled=True,
        higher_is_better=False,
        percent=False,
    ),
    **{
        one.name: Deciding(
            one.name,
            one.title,
            one.function.of,
            one,
            higher_is_better=one.higher_is_better,
            percent=one.percent,
        )
        for one in (*CLASSIFICATION, *RANKING, *CALIBRATION)
        if one.decides
    },
}
