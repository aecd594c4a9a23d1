"""Differences of matched configurations in the metric that validation decided by.

All test groups of a scenario are resampled at once in every cell, so that images which two cells
tested are paired in the draws of their difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from reports.derived.tested import Tested, measured_outcomes
from reports.metrics.deciding import DECIDING
from reports.statistics.bootstrap import error_of, heavy_tailed
from reports.statistics.intervals import Error, difference_of, p_value
from reports.statistics.panel import Numbers, Panel
from reports.statistics.spreads import spreads_of
from reports.statistics.training import IMAGES, TRAINED, Spread, chosen, with_training

Row = dict[str, object]


class ByMetric:
    """The cells of one scenario under one split policy, measured by one metric of `DECIDING`."""

    def __init__(self, tested: Tested, metric: str) -> None:
        self.tested, self.metric = tested, metric

    @cached_property
    def _panel(self) -> Panel:
        first = self.tested.records[0]
        outcomes = measured_outcomes(self.tested, DECIDING[self.metric])
        name = (first["split_policy"], first["scenario"], self.metric)
        return Panel(outcomes, self.tested.design, name)

    @cached_property
    def _numbers(self) -> Numbers:
        return DECIDING[self.metric].metric.function.numbers(self._panel)

    @cached_property
    def _spread(self) -> Spread | None:
        """The spread of one training."""
        numbers, panel = self._numbers, self._panel
        found = spreads_of(numbers.values, numbers.draws, numbers.scale, panel.design, panel.groups)
        return chosen(found.single, None)

    def value(self, weights: np.ndarray) -> float | None:
        """The weighted mean over the cells; None if one of them lacks the metric."""
        used = np.flatnonzero(weights)
        found = float(self._numbers.values[used] @ weights[used])
        return None if math.isnan(found) else found

    def difference(self, reference: np.ndarray, other: np.ndarray, several: bool) -> Row:
        """Other minus reference, of the means with these weights (cells,).

        `several`: whether a side has several trainings.
        """
        coefficients = other - reference
        used = np.flatnonzero(coefficients)
        values, draws = self._numbers.values[used], self._numbers.draws[:, used]
        mean = float(values @ coefficients[used])
        if math.isnan(mean):
            return {"difference": None, **dict.fromkeys(("low", "high", "p")), "covers": IMAGES}
        error = self._over_images(draws @ coefficients[used], coefficients, used)
        spread = self._spread if several else None
        if spread is not None:
            error = with_training(error, spread, self._training_weight(spread, reference, other))
        interval = difference_of(mean, error, self._numbers.span)
        return {
            "difference": mean,
            "low": interval.low,
            "high": interval.high,
            "p": p_value(mean, error),
            "covers": TRAINED if spread else IMAGES,
        }

    def _over_images(self, draws: np.ndarray, coefficients: np.ndarray, used: np.ndarray) -> Error:
        """Over other test groups; fewer degrees of freedom where a few groups make most of it."""
        tested = self._panel.tested[used].any(axis=0)
        images = error_of(draws, int(tested.sum()))
        if self._numbers.parts is None:
            return images
        parts = (coefficients[used] @ self._numbers.parts[used])[tested]
        once = float(np.abs(parts).max()) if self._numbers.one_more else 0.0
        degrees = max(1.0, min(images.degrees, heavy_tailed(parts)))
        return Error(math.hypot(images.value, once), degrees)

    def _training_weight(self, spread: Spread, *sides: np.ndarray) -> float:
        """What the variance of one training counts in the difference."""
        total = 0.0
        for weights in sides:
            own = np.flatnonzero(weights)
            trainings = self._panel.design.units(spread.kind, own)
            total += float(self._numbers.scale[own].mean()) ** 2 / trainings
        return total


def shared_metric(metrics: Sequence[str]) -> str | None:
    """The metric that all runs decide by, if it is one and not the accuracy, which is compared
    anyway."""
    found = set(metrics)
    return found.pop() if len(found) == 1 and found != {"accuracy"} else None
