"""What validation decides by: which epoch of a training is kept, and which trainings are better.

A score is a metric with its sign turned where lower is better, so that higher is always preferred.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Rank = tuple[float, float]
OfRows = Callable[[np.ndarray, np.ndarray], float]
"""Labels (n,) int64 and probabilities (n, classes) float32 of the validation rows -> the score; NaN
where it does not exist."""


@dataclass(frozen=True)
class Criterion:
    """A score of a network on its validation rows: of its mean loss and accuracy, which are there
    anyway, or of all rows."""

    of_means: Callable[[float, float], float] | None = None  # loss, accuracy
    of_rows: OfRows | None = None

    def score(
        self, loss: float, accuracy: float, rows: Callable[[], tuple[np.ndarray, np.ndarray]]
    ) -> float:
        """Of a network with this mean loss and accuracy; `rows` gives the arguments of `of_rows`.
        Where the metric does not exist, as an AUROC without rows of a class, minus the loss
        takes its place: that depends on the labels alone, so it is so for all that compete."""
        if self.of_means:
            return self.of_means(loss, accuracy)
        found = self.of_rows(*rows()) if self.of_rows else math.nan
        return -loss if math.isnan(found) else found


ACCURACY = Criterion(of_means=lambda loss, accuracy: accuracy)
LOG_LOSS = Criterion(of_means=lambda loss, accuracy: -loss)


def rank(score: float, loss: float) -> Rank:
    """The larger is preferred: the higher score, then the lower loss."""
    return score, -loss
