"""Intervals equal a reference; differences are taken between matched cells only."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from reports.statistics import (
    bootstrap_mean,
    difference_interval,
    level_effects,
    level_means,
    paired_effect,
    wilson,
)


def _cell(accuracy: float | None, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "split_policy": "grouped",
        "backbone": "resnet50",
        "weights": "imagenet",
        "scenario": "1",
        "augmented": False,
        "strategy": "transfer",
        "seed": 0,
        "fold": 0,
        "state": "failed" if accuracy is None else "done",
        "accuracy": accuracy,
    }
    return row | changes


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_equals_scipy(counts: tuple[int, int]) -> None:
    correct, n = counts
    reference = binomtest(correct, n).proportion_ci(method="wilson")
    interval = wilson(correct, n)
    assert interval.low == pytest.approx(reference.low, abs=1e-12)
    assert interval.high == pytest.approx(reference.high, abs=1e-12)
    assert correct / n in interval


@pytest.mark.parametrize(("correct", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_wilson_refuses_what_is_no_proportion(correct: int, n: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= correct <= n"):
        wilson(correct, n)


def test_the_bootstrap_is_repeatable_and_covers_the_mean() -> None:
    differences = [0.1, 0.3, 0.2, 0.25, 0.05, 0.4]
    interval = bootstrap_mean(differences, seed=3)
    assert interval == bootstrap_mean(differences, seed=3)
    assert interval is not None
    assert sum(differences) / 6 in interval
    assert min(differences) <= interval.low < interval.high <= max(differences)


def test_one_difference_has_no_interval() -> None:
    assert bootstrap_mean([0.1]) is None
    assert bootstrap_mean([]) is None


def test_a_cell_without_its_match_does_not_count() -> None:
    cells = pd.DataFrame(
        [
            _cell(0.5),
            _cell(0.7, augmented=True),
            _cell(0.1, backbone="vgg16"),
            _cell(None, backbone="vgg16", augmented=True),
        ]
    )
    effect = paired_effect(cells, "augmented", True, False)
    assert effect.pairs == 1
    assert effect.mean == pytest.approx(0.2)


def test_repeating_a_cell_under_more_seeds_does_not_weigh_it_more() -> None:
    cells = pd.DataFrame(
        [_cell(0.5, seed=s) for s in range(9)]
        + [_cell(0.9, seed=s, augmented=True) for s in range(9)]
        + [_cell(0.5, backbone="vgg16"), _cell(0.5, backbone="vgg16", augmented=True)]
    )
    effect = paired_effect(cells, "augmented", True, False)
    assert effect.pairs == 2
    assert effect.mean == pytest.approx(0.2)


def test_level_effects_sum_to_zero_and_use_complete_matches_only() -> None:
    cells = pd.DataFrame(
        [_cell(0.5 + 0.1 * i, backbone=b) for i, b in enumerate(("a", "b", "c"))]
        + [_cell(0.9, backbone="a", scenario="2"), _cell(0.1, backbone="b", scenario="2")]
    )
    effects = {effect.level: effect for effect in level_effects(cells, "backbone")}
    assert sum(effect.mean for effect in effects.values()) == pytest.approx(0.0)
    assert effects["c"].mean == pytest.approx(0.15)
    assert {effect.pairs for effect in effects.values()} == {1}


def test_a_level_that_is_not_there_makes_an_empty_effect() -> None:
    effect = paired_effect(pd.DataFrame([_cell(0.5)]), "split_policy", "pooled", "grouped")
    assert effect.pairs == 0
    assert math.isnan(effect.mean)
    assert effect.interval is None


@pytest.mark.parametrize(
    ("right", "n", "other", "m", "low", "high"),
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 20, 0.6791, 1)],
)
def test_differences_have_newcombes_intervals(
    right: int, n: int, other: int, m: int, low: float, high: float
) -> None:
    """Newcombe (1998), table II, method 10."""
    interval = difference_interval(right / n, n, other / m, m)
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


def test_level_means_are_over_the_cells_that_have_every_level() -> None:
    cells = pd.DataFrame(
        [_cell(0.2 * i, split_policy=p, fold=f) for i, p in enumerate("abc", 1) for f in (1, 2)]
        + [_cell(0.9, split_policy="a", scenario="2"), _cell(None, split_policy="b", scenario="2")]
    )
    means = {one.level: one.mean for one in level_means(cells, "split_policy", ["a", "b", "c"])}
    assert means == pytest.approx({"a": 0.2, "b": 0.4, "c": 0.6})
    two = level_means(cells, "split_policy", ["a", "c"])
    assert [(one.pairs, one.scenarios) for one in two] == [(1, ("1",))] * 2
    assert level_means(cells, "split_policy", ["a", "z"]) == []
