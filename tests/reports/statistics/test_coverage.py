"""Simulated experiments: intervals cover what they say, and no effect seldom looks like one.

A fast part of `python -m benchmarks statistics`, which docs/explanation/statistics.md has in full.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.statistics.alarms import false_alarms
from benchmarks.statistics.compared import compared
from benchmarks.statistics.coverage import coverage

# name, runs, share of intervals over trainings; 95 % of 120 intervals are 114 +- 2.4, of runs whose
# six configurations share their test images about as sure as of a third of their number
CASES = [
    ("47 images", 120, 0.0),
    ("66 images, 97 % right", 120, 0.0),
    ("47 images, overconfident", 120, 0.0),
    ("113 images, trainings differ", 120, 0.0),
    ("2 seeds, 113 images, 10 classes", 30, 1.0),
    ("2 repeats, 113 images, 10 classes", 30, 1.0),
    ("2 repeats, one configuration", 60, 0.0),
    ("3 folds of 40 images", 30, 1.0),
]


@pytest.mark.parametrize(("name", "runs", "over_trainings"), CASES)
def test_intervals_cover_what_they_say(name: str, runs: int, over_trainings: float) -> None:
    found = coverage(name, runs)
    for metric, one in found.items():
        assert one.share >= 0.88, metric
        assert one.half_width < 0.35, metric  # and not by saying nothing
    assert found["accuracy"].trainings == over_trainings
    assert 0.93 <= np.mean([one.share for one in found.values()]) <= 0.995


@pytest.mark.parametrize(
    "name", ["1 training, spread 0.2, 2 backbones", "2 repeats, spread 0.3, 8 configurations"]
)
def test_no_choice_matters_and_none_is_said_to(name: str) -> None:
    times = 40
    most = 0.05 + 2 * np.sqrt(0.05 * 0.95 / times)
    found = false_alarms(name, times)
    assert found["effect, any"] <= most
    assert found["comparison, any over trainings"] <= most


def test_one_training_each_makes_no_claim_about_configurations_however_many_there_are() -> None:
    found = false_alarms("1 training, spread 0.2, 20 configurations", 5)
    assert found["comparison, any"] > 0.5  # these networks do differ
    assert found["comparison, any over trainings"] == 0


@pytest.mark.parametrize(
    ("name", "runs"),
    [("1 training, 60 groups of 1, 4 or 9", 40), ("5 folds of 40 images", 15)],
)
def test_differences_between_two_runs_hold_the_true_ones(name: str, runs: int) -> None:
    """Of two configurations in each run, equally good in both."""
    found = compared(name, runs)
    assert len(found) == 7
    for metric, one in found.items():
        assert one.share >= 0.85, metric
        assert one.any_apart <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs), metric
