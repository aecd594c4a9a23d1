"""Every metric of the list keeps the contract of an entry, and equals scikit-learn's."""

import math
import warnings

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from reports.metrics import METRIC_COLUMNS, METRICS, SCALED, Metric, metrics_of
from reports.metrics.measured import Metrics
from reports.statistics.average_precision import average_precision
from reports.statistics.outcomes import Outcomes
from reports.statistics.panel import Panel
from reports.statistics.training import Design
from reports.tables import SCHEMAS


def _random(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels with every class among them and float32 probabilities that know something."""
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
    ours, predicted = metrics_of(labels, probabilities), probabilities.argmax(1)
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
    assert metrics_of(labels, probabilities)["auroc"] == pytest.approx(expected)


@given(st.integers(12, 60), st.integers(0, 2**32))
def test_auroc_of_two_classes_is_that_of_the_second(count: int, seed: int) -> None:
    labels, probabilities = _random(count, 2, seed)
    expected = metrics.roc_auc_score(labels, probabilities[:, 1])
    assert metrics_of(labels, probabilities)["auroc"] == pytest.approx(expected)


@pytest.mark.parametrize("classes", [2, 4])
def test_a_test_set_that_lacks_a_class_has_no_auroc_and_all_the_rest(classes: int) -> None:
    labels, probabilities = _random(40, classes, 0)
    present = labels != classes - 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = metrics_of(labels[present], probabilities[present])
    for name in ("auroc", "macro_auroc", "average_precision"):
        assert math.isnan(found.pop(name))
    assert all(math.isfinite(value) for value in found.values())


@given(st.integers(2, 6), st.integers(12, 60), st.integers(0, 2**32))
def test_agreement_beyond_chance_is_scikit_learns(classes: int, count: int, seed: int) -> None:
    labels, probabilities = _random(count, classes, seed)
    ours, predicted = metrics_of(labels, probabilities), probabilities.argmax(1)
    expected = {
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
        "mcc": metrics.matthews_corrcoef(labels, predicted),
        "kappa": metrics.cohen_kappa_score(labels, predicted),
        "quadratic_kappa": metrics.cohen_kappa_score(labels, predicted, weights="quadratic"),
    }
    assert {name: ours[name] for name in expected} == pytest.approx(expected)


@given(st.integers(2, 6), st.integers(12, 60), st.integers(0, 2**32), st.booleans())
def test_macro_areas_are_scikit_learns_with_and_without_ties(
    classes: int, count: int, seed: int, ties: bool
) -> None:
    labels, probabilities = _random(count, classes, seed)
    if ties:
        probabilities = np.round(probabilities, 1)
    ours, truth = metrics_of(labels, probabilities), np.eye(classes)[labels]
    exact = probabilities.astype(float)
    assert ours["macro_auroc"] == pytest.approx(metrics.roc_auc_score(truth, exact))
    expected = metrics.average_precision_score(truth, exact)
    assert ours["average_precision"] == pytest.approx(expected)


def test_average_precision_with_weights_is_that_of_repeated_rows() -> None:
    generator = np.random.default_rng(1)
    positive, scores = generator.random(30) < 0.4, np.round(generator.random(30), 1)
    weights = generator.integers(0, 4, size=(7, 30)).astype(float)
    found = average_precision(positive, scores, weights)
    for draw, one in zip(weights.astype(int), found, strict=True):
        theirs = metrics.average_precision_score(positive.repeat(draw), scores.repeat(draw))
        assert one == pytest.approx(theirs)
    assert np.isnan(average_precision(np.zeros(3, dtype=bool), np.arange(3.0))[0])


@given(st.integers(3, 5), st.integers(12, 60), st.integers(0, 2**32))
def test_scores_of_probabilities_are_scikit_learns(classes: int, count: int, seed: int) -> None:
    labels, probabilities = _random(count, classes, seed)
    exact = probabilities.astype(float)
    exact /= exact.sum(1, keepdims=True)
    ours = metrics_of(labels, exact)
    assert ours["log_loss"] == pytest.approx(metrics.log_loss(labels, exact))
    of_classes = [
        metrics.brier_score_loss(labels == k, exact[:, k], pos_label=True) for k in range(classes)
    ]
    assert ours["brier"] == pytest.approx(sum(of_classes))


def test_agreement_that_chance_reaches_is_nothing_or_does_not_exist() -> None:
    one_label, one_answer = np.zeros(4, dtype=int), np.tile([0.9, 0.1], (4, 1))
    same = metrics_of(one_label, one_answer)
    assert math.isnan(same["kappa"])  # everybody agrees, and so would chance
    assert math.isnan(same["quadratic_kappa"])
    assert (same["mcc"], same["balanced_accuracy"]) == (0.0, 1.0)
    constant = metrics_of(np.array([0, 0, 1, 1]), one_answer)
    assert (constant["kappa"], constant["mcc"], constant["balanced_accuracy"]) == (0.0, 0.0, 0.5)


def test_a_metric_that_does_not_exist_has_no_interval() -> None:
    labels, probabilities = _random(40, 3, 0)
    present = labels != 2
    one = np.zeros(1, dtype=int)
    rows = Outcomes.of_arrays(labels[present], probabilities[present])
    panel = Panel([rows], Design(one, one, one, one), "a class is missing", draws=50)
    found = {one.metric: one for one in Metrics(panel, []).measure([0], {})}
    for name in ("auroc", "macro_auroc", "average_precision"):
        assert (found[name].value, found[name].interval) == (None, None)
    assert found["balanced_accuracy"].interval is not None


def test_a_class_never_predicted_counts_zero() -> None:
    labels = np.array([0, 0, 1, 1])
    probabilities = np.tile([0.9, 0.1], (4, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = metrics_of(labels, probabilities)
    assert found["precision"] == pytest.approx(0.25)
    assert found["recall"] == pytest.approx(0.5)
    assert found["macro_f1"] == pytest.approx(1 / 3)


def _panel(classes: int, count: int = 40) -> Panel:
    one = np.zeros(1, dtype=int)
    rows = Outcomes.of_arrays(*_random(count, classes, 3))
    return Panel([rows], Design(one, one, one, one), "contract", draws=50)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_an_entry_is_a_number_a_column_and_words(metric: Metric) -> None:
    value = metrics_of(*_random(40, 3, 1), [metric])[metric.name]
    assert math.isfinite(value)
    assert SCHEMAS["cells"].field(metric.name).type == pa.float64()
    assert metric.title
    assert metric.meaning
    assert metric.interval or not metric.of_class
    assert not metric.scaled or metric.calibration


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_better_network_has_a_better_value(metric: Metric) -> None:
    """Probabilities that know the label against probabilities that know another one."""
    labels = np.arange(40) % 4
    good, bad = np.full((40, 4), 0.1), np.full((40, 4), 0.1)
    good[np.arange(40), labels] = bad[np.arange(40), (labels + 1) % 4] = 0.7
    better = metrics_of(labels, good, [metric])[metric.name]
    worse = metrics_of(labels, bad, [metric])[metric.name]
    assert (better > worse) is metric.higher_is_better


@pytest.mark.parametrize("classes", [2, 4])
def test_every_interval_belongs_to_an_entry_and_holds_its_value(classes: int) -> None:
    panel = _panel(classes)
    names = [str(number) for number in range(classes)]
    found = {(one.label, one.metric): one for one in Metrics(panel, names).measure([0], {})}
    values = metrics_of(panel.outcomes[0].labels, panel.outcomes[0].probabilities)
    assert {name for label, name in found if not label} == {m.name for m in METRICS if m.interval}
    for label in names:
        assert {name for own, name in found if own == label} == {
            metric.name for metric in METRICS if metric.of_class
        }
    for metric in METRICS:
        if metric.interval:
            one = found["", metric.name]
            assert one.value == pytest.approx(values[metric.name])
            assert one.interval is not None
            if metric.name != "ece":  # its interval lies about the value less its bias
                assert values[metric.name] in one.interval


def test_names_and_columns_are_unique() -> None:
    assert len(set(METRIC_COLUMNS)) == len(METRICS) + 1 + len(SCALED)
