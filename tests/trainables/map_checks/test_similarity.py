"""Similarity of maps against scipy, and in cases that are known."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from trainables.map_checks.similarity import SIDE, Ranked

RANDOM = np.random.default_rng(0)


def test_it_is_spearman_s_correlation_with_and_without_the_sign() -> None:
    one, other = RANDOM.normal(size=(2, 40, 40)).round(1)  # with ties
    other += 0.5 * one
    assert Ranked(one).with_sign(Ranked(other)) == pytest.approx(
        spearmanr(one.ravel(), other.ravel()).statistic
    )
    assert Ranked(one).without_sign(Ranked(other)) == pytest.approx(
        spearmanr(np.abs(one).ravel(), np.abs(other).ravel()).statistic
    )


def test_large_maps_are_averaged_before_they_are_compared() -> None:
    """Noise of single pixels, which the eye does not see, does not count."""
    pattern = np.kron(RANDOM.normal(size=(SIDE, SIDE)), np.ones((4, 4)))
    noise = np.kron(np.ones((SIDE, SIDE)), np.array([[1, -1, 1, -1], [-1, 1, -1, 1]] * 2)) * 5
    assert Ranked(pattern).with_sign(Ranked(pattern + noise)) == pytest.approx(1)


def test_opposite_signs_are_alike_without_the_sign() -> None:
    values = RANDOM.normal(size=(20, 20))
    assert Ranked(values).with_sign(Ranked(-values)) == pytest.approx(-1)
    assert Ranked(values).without_sign(Ranked(-values)) == pytest.approx(1)


def test_a_constant_map_is_like_no_other() -> None:
    constant = np.full((20, 20), np.nan)
    assert Ranked(constant).with_sign(Ranked(RANDOM.normal(size=(20, 20)))) == 0
