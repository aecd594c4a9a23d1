"""What a test set holds does not depend on how it was classified."""

from __future__ import annotations

import numpy as np
import pytest

from reports.metrics.measured import Metrics
from reports.statistics import wilson
from reports.statistics.outcomes import Outcomes
from reports.statistics.panel import Panel
from reports.statistics.training import Design

IMAGES = 12


def metrics(correct: int) -> Metrics:
    """One cell with `IMAGES` images of two classes, each a group of its own."""
    number = np.arange(IMAGES)
    labels = number % 2
    predicted = np.where(number < correct, labels, 1 - labels)
    probabilities = np.where(np.eye(2)[predicted] == 1, 0.7, 0.3)
    one = np.zeros(1, dtype=int)
    cell = Outcomes(labels, predicted, probabilities, number)
    return Metrics(Panel([cell], Design(one, one, one, one), "panel"), ["a", "b"])


@pytest.mark.parametrize("correct", [0, 1, 7, IMAGES])
def test_every_group_counts_as_tested_right_or_wrong(correct: int) -> None:
    found = {(one.label, one.metric): one for one in metrics(correct).measure([0], {})}
    accuracy = found["", "accuracy"]
    assert (accuracy.value, accuracy.units) == (correct / IMAGES, IMAGES)
    assert accuracy.interval == wilson(correct, IMAGES)


def test_a_cell_that_is_never_right_has_all_its_metrics() -> None:
    found = {one.metric: one for one in metrics(0).measure([0], {}) if one.label == ""}
    for metric in ("accuracy", "recall", "precision", "f1", "macro_f1"):
        assert found[metric].value == 0
    below_zero = {"mcc", "kappa", "quadratic_kappa"}  # they reach -1
    for metric in found.keys() - below_zero:
        interval = found[metric].interval
        assert interval is None or interval.low >= 0, metric


@pytest.mark.parametrize("correct", [1, 2, 3])
def test_few_right_answers_and_one_pair_of_copies_do_not_blow_the_interval_up(correct: int) -> None:
    """16 rows in 15 groups: not far wider than of 16 independent rows."""
    number = np.arange(16)
    labels = number % 2
    predicted = np.where(number < correct, labels, 1 - labels)
    probabilities = np.where(np.eye(2)[predicted] == 1, 0.7, 0.3)
    one = np.zeros(1, dtype=int)
    cell = Outcomes(labels, predicted, probabilities, np.minimum(number, 14))
    found = Metrics(Panel([cell], Design(one, one, one, one), "x"), ["a", "b"]).measure([0], {})
    (accuracy,) = [each for each in found if (each.label, each.metric) == ("", "accuracy")]
    assert accuracy.interval is not None
    assert wilson(correct, 16).half_width < accuracy.interval.half_width
    assert accuracy.interval.half_width < 2 * wilson(correct, 16).half_width + 0.01
