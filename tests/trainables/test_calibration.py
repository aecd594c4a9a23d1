"""Equality with scikit-learn's scores, a calibration error counted by hand, and recovery of a known
temperature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from trainables.calibration import (
    TEMPERATURES,
    at_temperature,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    reliability,
)
from trainables.metrics import classification_metrics


def _random(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels (n,) and informative float32 probabilities (n, classes)."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=count)
    scores = generator.normal(size=(count, classes)) + np.eye(classes)[labels]
    return labels, _softmax(scores).astype(np.float32)


def _softmax(scores: np.ndarray) -> np.ndarray:
    exponentials = np.exp(scores - scores.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def _overconfident(factor: float, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from calibrated probabilities, and those with all logits times `factor`."""
    generator = np.random.default_rng(5)
    logits = generator.normal(size=(count, 4)) * 1.5
    steps = _softmax(logits).cumsum(1)
    labels = (generator.random(count)[:, None] > steps).sum(1).clip(max=3)
    return labels, _softmax(logits * factor).astype(np.float32)


@given(st.integers(2, 6), st.integers(1, 60), st.integers(0, 2**32))
def test_log_loss_is_scikit_learns(classes: int, count: int, seed: int) -> None:
    labels, probabilities = _random(count, classes, seed)
    rows = probabilities / probabilities.sum(1, keepdims=True, dtype=float)
    theirs = metrics.log_loss(labels, rows, labels=range(classes))
    assert log_loss(labels, probabilities) == pytest.approx(theirs, rel=1e-5)


@given(st.integers(1, 60), st.integers(0, 2**32))
def test_the_brier_score_of_two_classes_is_twice_scikit_learns(count: int, seed: int) -> None:
    labels, probabilities = _random(count, 2, seed)
    theirs = metrics.brier_score_loss(labels, probabilities[:, 1], pos_label=1)
    assert brier_score(labels, probabilities) == pytest.approx(2 * theirs, rel=1e-5)


def test_the_brier_score_is_zero_if_confident_and_correct_and_two_if_confident_and_wrong() -> None:
    sure = np.eye(3)[[0, 1, 2]]
    assert brier_score(np.array([0, 1, 2]), sure) == 0
    assert brier_score(np.array([1, 2, 0]), sure) == 2


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_the_fitted_temperature_is_the_factor_of_the_logits(factor: float) -> None:
    assert fit_temperature(*_overconfident(factor)) == pytest.approx(factor, rel=0.05)


def test_no_other_temperature_has_a_lower_log_loss() -> None:
    labels, probabilities = _random(60, 4, 1)
    best = log_loss(labels, at_temperature(probabilities, fit_temperature(labels, probabilities)))
    others = [log_loss(labels, at_temperature(probabilities, t)) for t in np.geomspace(0.1, 10, 99)]
    assert best <= min(others) + 1e-6


def test_scaling_corrects_an_overconfident_network_and_changes_no_prediction() -> None:
    labels, sharp = _overconfident(3.0)
    scaled = at_temperature(sharp, fit_temperature(labels, sharp))
    assert (scaled.argmax(1) == sharp.argmax(1)).all()
    assert expected_calibration_error(labels, scaled) < 0.02
    assert expected_calibration_error(labels, sharp) > 0.1
    assert brier_score(labels, scaled) < brier_score(labels, sharp)


def test_temperature_one_leaves_probabilities_unchanged() -> None:
    _, probabilities = _random(40, 5, 2)
    assert at_temperature(probabilities, 1.0) == pytest.approx(probabilities, abs=1e-6)


def test_probabilities_of_exactly_zero_and_one_can_be_scaled() -> None:
    sure = np.eye(2, dtype=np.float32)
    low, high = TEMPERATURES
    assert low <= fit_temperature(np.array([0, 1]), sure) < 1
    assert low < 1 < fit_temperature(np.array([1, 1]), sure) <= high
    assert np.isfinite(at_temperature(sure, 20.0)).all()


@given(st.integers(2, 6), st.integers(1, 80), st.integers(0, 2**32))
def test_every_row_is_in_one_bin_around_its_confidence(classes: int, count: int, seed: int) -> None:
    labels, probabilities = _random(count, classes, seed)
    found = reliability(labels, probabilities)
    assert sum(one.rows for one in found) == count
    assert all(one.low < one.confidence <= one.high + 1e-6 for one in found)
    hits = sum(one.rows * one.accuracy for one in found)
    assert hits == pytest.approx((probabilities.argmax(1) == labels).sum())


@given(st.integers(2, 6), st.integers(1, 80), st.integers(1, 20), st.integers(0, 2**32))
def test_calibration_error_is_the_sum_over_bins(
    classes: int, count: int, bins: int, seed: int
) -> None:
    labels, probabilities = _random(count, classes, seed)
    expected = 0.0
    for number in range(bins):
        inside = [
            (float(row.max()), row.argmax() == label)
            for row, label in zip(probabilities, labels, strict=True)
            if number / bins < row.max() <= (number + 1) / bins
        ]
        if inside:
            confidence, accuracy = np.mean(inside, axis=0)
            expected += len(inside) / count * abs(accuracy - confidence)
    found = expected_calibration_error(labels, probabilities, bins)
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_network_as_accurate_as_confident_is_calibrated() -> None:
    sure = np.repeat([0.6, 0.8, 1.0], 10)
    probabilities = np.stack([sure, 1 - sure], 1)
    labels = np.concatenate([np.arange(10) >= 6, np.arange(10) >= 8, np.zeros(10)]).astype(int)
    assert expected_calibration_error(labels, probabilities) == pytest.approx(0, abs=1e-12)
    assert expected_calibration_error(1 - labels, probabilities) == pytest.approx(0.6, abs=1e-12)


def test_a_bin_includes_its_upper_edge() -> None:
    probabilities = np.array([[0.5, 0.5], [0.9, 0.1]])  # a hit and a miss in separate bins
    found = expected_calibration_error(np.array([0, 1]), probabilities, bins=2)
    assert found == pytest.approx(0.5 * 0.5 + 0.5 * 0.9)


def test_the_default_number_of_bins_is_fifteen() -> None:
    labels, probabilities = _random(200, 3, 0)
    found = classification_metrics(labels, probabilities)["ece"]
    assert found == expected_calibration_error(labels, probabilities, 15)
    assert found != expected_calibration_error(labels, probabilities, 10)
