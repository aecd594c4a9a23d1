"""Differences are taken between matched cells only, and the images they share are drawn once."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from reports.statistics.bootstrap import error_of_mean, generator, group_weights
from reports.statistics.contrasts import Weights, against, contrast, estimate


def _cell(**changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "split_policy": "grouped",
        "backbone": "resnet50",
        "weights": "imagenet",
        "scenario": "1",
        "augmentation": "none",
        "strategy": "transfer",
        "recipe": "paper",
        "seed": 0,
        "repeat": 1,
        "fold": 0,
    }
    return row | changes


AUGMENTED: dict[str, Weights] = {"augmentation": {"fec-ige": 1.0, "none": -1.0}}


def test_a_cell_without_its_match_does_not_count() -> None:
    cells = pd.DataFrame([_cell(), _cell(augmentation="fec-ige"), _cell(backbone="vgg16")])
    one = contrast(cells, AUGMENTED)
    assert one.pairs == 1
    assert one.per_block(np.array([0.5, 0.7, math.nan])) == pytest.approx([0.2])


def test_repeating_a_cell_under_more_seeds_does_not_weigh_it_more() -> None:
    cells = pd.DataFrame(
        [_cell(seed=s, augmentation=a) for a in ("none", "fec-ige") for s in range(9)]
        + [_cell(backbone="vgg16"), _cell(backbone="vgg16", augmentation="fec-ige")]
    )
    one = contrast(cells, AUGMENTED)
    values = np.array([0.5] * 9 + [0.9] * 9 + [0.5, 0.5])
    assert sorted(one.per_block(values)) == pytest.approx([0.0, 0.4])


def test_seeds_are_matched_one_by_one() -> None:
    """A seed that failed on one side is excluded from the other."""
    cells = pd.DataFrame([_cell(), _cell(seed=1), _cell(augmentation="fec-ige")])
    assert contrast(cells, AUGMENTED).per_block(np.array([0.5, 0.1, 0.7])) == pytest.approx([0.2])


def test_a_level_against_the_others_needs_them_all_and_sums_to_nothing() -> None:
    cells = pd.DataFrame([_cell(backbone=b) for b in "abc"] + [_cell(backbone="a", scenario="2")])
    values = np.array([0.5, 0.6, 0.7, 0.9])
    found = {
        level: contrast(cells, {"backbone": against(level, "abc")}).per_block(values)
        for level in "abc"
    }
    assert found["c"] == pytest.approx([0.15])
    assert sum(float(own[0]) for own in found.values()) == pytest.approx(0.0)


def test_an_interaction_is_the_difference_of_differences() -> None:
    cells = pd.DataFrame(
        [
            _cell(augmentation=a, strategy=s)
            for a in ("none", "fec-ige")
            for s in ("transfer", "finetune")
        ]
    )
    both: dict[str, Weights] = {**AUGMENTED, "strategy": {"finetune": 1.0, "transfer": -1.0}}
    values = np.array([0.5, 0.6, 0.7, 0.95])
    assert contrast(cells, both).per_block(values) == pytest.approx([(0.95 - 0.7) - (0.6 - 0.5)])


def test_a_level_that_is_not_there_makes_no_estimate() -> None:
    cells = pd.DataFrame([_cell()])
    one = contrast(cells, {"split_policy": {"pooled": 1.0, "grouped": -1.0}})
    found = estimate(one, np.array([0.5]), np.full((10, 1), 0.5), 10)
    assert found.pairs == 0
    assert math.isnan(found.mean)
    assert found.interval is None


def test_cells_whose_predictions_were_not_kept_have_a_mean_and_no_interval() -> None:
    cells = pd.DataFrame([_cell(), _cell(augmentation="fec-ige")])
    found = estimate(contrast(cells, AUGMENTED), np.array([0.5, 0.7]), np.full((10, 2), np.nan), 9)
    assert found.mean == pytest.approx(0.2)
    assert found.interval is None


def test_many_cells_on_the_same_images_are_hardly_surer_than_one() -> None:
    weights = group_weights(50, generator("test"))
    right = np.arange(50) < 30
    one = (weights @ right / 50)[:, None]
    alone = error_of_mean(np.array([0.6]), one, 50)
    many = error_of_mean(np.full(20, 0.6), np.repeat(one, 20, axis=1), 50)
    assert many.value == pytest.approx(alone.value)
    assert alone.value == pytest.approx(math.sqrt(0.6 * 0.4 / 49), rel=0.05)


def test_cells_that_lie_apart_widen_the_mean_and_cost_degrees_of_freedom() -> None:
    same = np.full((1000, 4), 0.5) + np.random.default_rng(0).normal(0, 0.01, (1000, 1))
    alike = error_of_mean(np.full(4, 0.5), same, 50)
    values = np.array([0.3, 0.5, 0.6, 0.6])
    apart = error_of_mean(values, same - 0.5 + values, 50)
    assert apart.value > 5 * alike.value
    assert apart.value == pytest.approx(math.sqrt(values.var(ddof=1) / 4), rel=0.05)
    assert alike.degrees > 40
    assert apart.degrees == pytest.approx(3, abs=0.2)


def test_the_same_name_draws_the_same_and_another_something_else() -> None:
    first, again = (group_weights(9, generator("cell", 1), 20) for _ in range(2))
    assert (first == again).all()
    assert (first != group_weights(9, generator("cell", 2), 20)).any()
    assert (first.sum(axis=1) == 9).all()
