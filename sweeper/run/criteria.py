"""The score that validation decides by, from the name of a metric."""

from __future__ import annotations

from collections.abc import Mapping

from trainables.criterion import ACCURACY, LOG_LOSS, Criterion

_OF_MEANS: Mapping[str, Criterion] = {"accuracy": ACCURACY, "log_loss": LOG_LOSS}
"""What a training loop computes anyway, so that a worker need not load the others."""


def criterion_of(metric: str) -> Criterion:
    """The criterion of an entry of `reports.metrics.deciding`, by its name."""
    if metric in _OF_MEANS:
        return _OF_MEANS[metric]
    from reports.metrics.deciding import DECIDING  # loads scipy, and some workers do without

    return Criterion(of_rows=DECIDING[metric].score)
