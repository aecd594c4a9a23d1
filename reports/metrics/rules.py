"""Rules for the 95 % interval of a metric of all rows; each metric names one of them.

Which rule a metric has was chosen by its measured coverage on simulated test sets
(`python -m benchmarks statistics`, docs/explanation/statistics.md).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from reports.metrics.class_share import CLUSTERED, WILSON
from reports.statistics.intervals import (
    Error,
    Interval,
    clustered_share_interval,
    share_interval,
)

if TYPE_CHECKING:
    from reports.metrics.measured import Mean, Measured

_LOGIT = "group bootstrap, logit"
_BIASED = "group bootstrap, bias taken off"
_CALIBRATED = 0.975  # quantile of the calibration error of labels drawn from the probabilities


def share_of_rows(mean: Mean, metric: str) -> Measured:
    """For a metric that is the share of rows that are correct."""
    name = ("", metric)
    value = mean.value(name)
    if mean.rows_are_independent(name):
        found = share_interval(value, mean.groups)
        return mean.measured(name, value, found, WILSON, mean.groups)
    error = mean.error(name)
    if mean.spreads.get(name) is None:
        found = clustered_share_interval(value, error, mean.rows, mean.groups)
        return mean.measured(name, value, found, CLUSTERED, mean.groups)
    return mean.measured(name, value, mean.bounded(name, error), _LOGIT, mean.groups)


def bootstrap(mean: Mean, metric: str) -> Measured:
    """Test groups resampled; symmetric on the logit scale of the metric's range."""
    name = ("", metric)
    found = mean.bounded(name, mean.error(name))
    return mean.measured(name, mean.value(name), found, _LOGIT, mean.groups)


def biased_bootstrap(mean: Mean, metric: str) -> Measured:
    """The same, widened by the bias of the resampled values."""
    name = ("", metric)
    error = mean.error(name)
    whole = Error(math.hypot(error.value, mean.bias(name)), error.degrees)
    return mean.measured(name, mean.value(name), mean.bounded(name, whole), _LOGIT, mean.groups)


def average_over_classes(mean: Mean, metric: str) -> Measured:
    """The same for an average over classes: widened by the bias of the resampled values, and never
    narrower than the accuracy's interval, since no average over classes is more certain."""
    name = ("", metric)
    least = mean.error(("", "accuracy")).value
    error = mean.error(name)
    whole = Error(max(math.hypot(error.value, mean.bias(name)), least), error.degrees)
    return mean.measured(name, mean.value(name), mean.bounded(name, whole), _LOGIT, mean.groups)


def calibration_gap(mean: Mean, metric: str) -> Measured:
    """ECE is biased upwards on few rows, and by the same amount again when they are resampled; the
    interval is centred on the value minus this bias. Its lower end subtracts the gap that chance
    alone causes for calibrated probabilities, because the observed gaps are at most the sum of the
    true ones and chance. It is 0 if chance explains the whole gap."""
    name = ("", metric)
    value, bias, error = mean.value(name), mean.bias(name), mean.error(name)
    half = 2.0 * math.hypot(error.value, bias)
    drawn = mean.metrics.panel.labels_drawn(mean.own, len(mean.metrics.numbers[name].draws))
    by_chance = float(np.quantile(drawn, _CALIBRATED))
    low = max(0.0, value - max(by_chance, bias + half))
    high = min(1.0, value - bias + half)
    return mean.measured(name, value, Interval(low, max(high, low)), _BIASED, mean.groups)
