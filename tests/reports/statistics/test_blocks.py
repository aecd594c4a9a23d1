"""What shares a training is one block; what choices add up to is no spread."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from reports.axes import FACTORS
from reports.statistics.blocks import blocks_of
from reports.statistics.contrasts import (
    SHARES_TRAINING,
    Evidence,
    Weights,
    contrast,
    estimate,
)

STRATEGY: dict[str, Weights] = {"strategy": {"finetune": 1.0, "transfer": -1.0}}
AUGMENTED: dict[str, Weights] = {"augmentation": {"fec-ige": 1.0, "none": -1.0}}


def _cells(backbones: int, scenarios: int) -> pd.DataFrame:
    names = ["backbone", "scenario", "augmentation", "strategy"]
    levels = product(
        [f"b{i}" for i in range(backbones)],
        [str(i) for i in range(scenarios)],
        ("none", "fec-ige"),
        ("finetune", "transfer"),
    )
    cells = pd.DataFrame(list(levels), columns=names)
    return cells.assign(
        split_policy="grouped", weights="imagenet", recipe="paper", seed=0, repeat=1, fold=0
    )


def test_matches_that_share_a_training_are_one_block() -> None:
    cells = _cells(3, 1)
    assert contrast(cells, AUGMENTED).coefficients.shape == (3, len(cells))
    assert contrast(cells, AUGMENTED).pairs == 6
    assert contrast(cells, STRATEGY).coefficients.shape == (6, len(cells))


def test_what_choices_add_up_to_leaves_no_spread_of_blocks_and_luck_does() -> None:
    cells = _cells(4, 3)
    values = (
        0.5
        + 0.1 * (cells["augmentation"] == "fec-ige").to_numpy()
        + 0.05 * (cells["backbone"] == "b1").to_numpy()
    )
    values = values + 0.07 * cells["scenario"].astype(int).to_numpy()
    draws = np.repeat(values[None], 3, axis=0)
    found = blocks_of(cells, FACTORS, SHARES_TRAINING, values, draws, 1000)
    assert found is not None
    assert found.degrees == 24 - 1 - 3 - 2 - 1
    assert found.apart == pytest.approx(0.0, abs=1e-12)
    luck = np.random.default_rng(0).normal(0, 0.05, 24)[found.block]
    lucky = blocks_of(cells, FACTORS, SHARES_TRAINING, values + luck, draws + luck, 1000)
    assert lucky is not None
    assert np.sqrt(lucky.apart) == pytest.approx(0.05, rel=0.35)
    within = contrast(cells, STRATEGY).coefficients.mean(axis=0)
    assert lucky.weight(within) == pytest.approx(0.0)


def test_few_trainings_are_not_tested_and_their_interval_is_of_the_images() -> None:
    cells = _cells(1, 1)
    values = np.array([0.5, 0.4, 0.7, 0.6])
    draws = values + np.random.default_rng(0).normal(0, 0.05, (200, 4))
    found = estimate(contrast(cells, AUGMENTED), values, draws, 50, Evidence())
    assert found.p is None
    assert found.interval is not None
    assert found.covers == "images"
