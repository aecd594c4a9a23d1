"""The linear probe is scikit-learn's logistic regression on standardised features."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from trainables.linear import STRENGTHS, search_linear
from trainables.probes import Features, chosen, scores


def features(rows: int, seed: int, classes: int = 3) -> Features:
    """Classes that overlap, on features of different scales, one of them constant."""
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    values = generator.normal(size=(rows, 8)) + 0.8 * np.eye(classes, 8)[labels]
    values = values * np.array([1, 1, 1, 10, 0.1, 1, 1, 1]) + np.arange(8)
    values[:, 7] = 3.0
    return Features(torch.from_numpy(values.astype(np.float32)), torch.from_numpy(labels))


def probabilities(module: nn.Module, rows: Features) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(module(rows.values).softmax(1))


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_scikit_learns_logistic_regression(classes: int) -> None:
    train, val = features(90, 0, classes), features(60, 1, classes)
    found = search_linear(train, val, classes)
    strength = chosen(found.candidates).setting["l2"]
    reference = make_pipeline(
        StandardScaler(), LogisticRegression(C=1 / (strength * 90), tol=1e-8, max_iter=10_000)
    )
    reference.fit(train.values.double().numpy(), train.labels.numpy())
    expected = reference.predict_proba(val.values.double().numpy())
    np.testing.assert_allclose(probabilities(found.module, val), expected, atol=2e-4)


def test_the_strength_is_the_one_with_the_lowest_validation_loss() -> None:
    train, val = features(90, 0), features(60, 1)
    found = search_linear(train, val, 3)
    assert [one.setting["l2"] for one in found.candidates] == list(STRENGTHS)
    best = chosen(found.candidates)
    assert best.val_loss == min(one.val_loss for one in found.candidates)
    assert STRENGTHS[-1] < best.setting["l2"] < STRENGTHS[0]
    with torch.no_grad():
        assert scores(found.module(val.values), val.labels) == (best.val_loss, best.val_accuracy)
        assert scores(found.module(train.values), train.labels) == found.train


def test_a_class_without_training_rows_keeps_the_loss_finite() -> None:
    train, val = features(90, 0), features(60, 1, classes=4)
    found = search_linear(train, val, 4)
    assert np.isfinite([one.val_loss for one in found.candidates]).all()
    assert probabilities(found.module, val)[:, 3].max() < 1e-6


def test_the_same_rows_give_the_same_weights() -> None:
    train, val = features(90, 0), features(60, 1)
    first, second = (search_linear(train, val, 3).module.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
