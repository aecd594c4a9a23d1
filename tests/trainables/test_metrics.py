"""Equality with scikit-learn's metrics, and a calibration error counted by hand."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from trainables.metrics import classification_metrics


def _random(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels that include every class, and informative float32 probabilities."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(count) % classes)
    scores = generator.normal(size=(count, classes)) + np.eye(classes)[labels]
    exponentials = np.exp(scores)
    return labels, (exponentials / exponentials.sum(1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("average", ["weighted", "macro"])
@given(st.integers(2, 6), st.integers(12, 60), st.integers(0, 2**32))
def test_averages_over_classes_are_scikit_learns(
    average: str, classes: int, count: int, seed: int
) -> None:
    labels, probabilities = _random(count, classes, seed)
    ours, predicted = classification_metrics(labels, probabilities), probabilities.argmax(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = metrics.classification_report(
            labels, predicted, output_dict=True, labels=range(classes), zero_division=0
        )
    assert ours["accuracy"] == pytest.approx(np.mean(labels == predicted))
    if average == "macro":
        assert ours["macro_f1"] == pytest.approx(report["macro avg"]["f1-score"])
        return
    for name, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
        assert ours[name] == pytest.approx(report["weighted avg"][theirs])


@given(st.integers(3, 6), st.integers(12, 60), st.integers(0, 2**32))
def test_auroc_is_one_versus_rest_weighted_by_class(classes: int, count: int, seed: int) -> None:
    labels, probabilities = _random(count, classes, seed)
    per_class = [
        metrics.roc_auc_score(labels == c, probabilities[:, c].astype(float))
        for c in range(classes)
    ]
    expected = np.average(per_class, weights=np.bincount(labels, minlength=classes))
    assert classification_metrics(labels, probabilities)["auroc"] == pytest.approx(expected)


@given(st.integers(12, 60), st.integers(0, 2**32))
def test_auroc_of_two_classes_is_that_of_the_second(count: int, seed: int) -> None:
    labels, probabilities = _random(count, 2, seed)
    expected = metrics.roc_auc_score(labels, probabilities[:, 1])
    assert classification_metrics(labels, probabilities)["auroc"] == pytest.approx(expected)


@pytest.mark.parametrize("classes", [2, 4])
def test_a_test_set_that_lacks_a_class_has_no_auroc_and_all_the_rest(classes: int) -> None:
    labels, probabilities = _random(40, classes, 0)
    present = labels != classes - 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = classification_metrics(labels[present], probabilities[present])
    assert math.isnan(found.pop("auroc"))
    assert all(0 < value <= 1 for value in found.values())


def test_a_class_never_predicted_counts_zero() -> None:
    labels = np.array([0, 0, 1, 1])
    probabilities = np.tile([0.9, 0.1], (4, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = classification_metrics(labels, probabilities)
    assert found["precision"] == pytest.approx(0.25)
    assert found["recall"] == pytest.approx(0.5)
    assert found["macro_f1"] == pytest.approx(1 / 3)
