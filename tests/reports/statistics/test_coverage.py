"""Simulated test sets: intervals cover what they say, and no effect seldom looks like one.

`python -m benchmarks statistics` draws the same ten times as often, over more kinds of test sets.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.statistics import WORLDS, coverage, draw_repeats, false_alarms
from reports.statistics.measured import measure

TIMES = 150
# 95 % of 150 draws are 142.5 +- 2.7: three of these either way
LOW, HIGH = 0.90, 0.995


@pytest.mark.parametrize("name", ["47 images, each alone", "40 groups", "3 seeds", "5 folds"])
def test_intervals_cover_what_they_say(name: str) -> None:
    for metric, (covered, _) in coverage(WORLDS[name], TIMES).items():
        if not metric.startswith("class "):
            assert LOW <= covered <= HIGH, metric


def test_copies_and_seeds_of_the_same_images_are_not_more_images() -> None:
    (rows,) = draw_repeats(WORLDS["47 images, each alone"], np.random.default_rng(0))
    names = list("abcde")
    one, three = (
        {m.metric: m.interval for m in measure([rows] * n, names, "x") if m.label == ""}
        for n in (1, 3)
    )
    for metric in ("f1", "macro_f1", "brier", "auroc"):
        assert three[metric].half_width == pytest.approx(one[metric].half_width, rel=0.08)


def test_what_no_choice_changes_is_seldom_called_distinguishable() -> None:
    times = 40
    for name, share in false_alarms(times).items():
        assert share <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / times), name
