"""Metrics of resampled rows are scikit-learn's; AUROC's error is DeLong's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, roc_auc_score

from benchmarks.statistics import World, draw_repeats
from reports.statistics import auroc
from reports.statistics.measured import measure
from reports.statistics.measures import group_sums, metrics_of
from reports.statistics.outcomes import Outcomes
from trainables.metrics import classification_metrics


@pytest.mark.parametrize("classes", [2, 5])
def test_all_rows_once_give_the_metrics_of_the_evaluation(classes: int) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        (rows,) = draw_repeats(World(groups=60, classes=classes, skill=0.8), rng)
        reference = classification_metrics(rows.labels, rows.probabilities)
        names = [str(number) for number in range(classes)]
        found = {m.metric: m.value for m in measure([rows], names, "x", 2) if m.label == ""}
        for metric in ("accuracy", "precision", "recall", "f1", "macro_f1", "auroc", "ece"):
            assert found[metric] == pytest.approx(reference[metric], abs=1e-9), metric


def test_a_group_drawn_twice_counts_as_its_rows_twice() -> None:
    (rows,) = draw_repeats(World(groups=20), np.random.default_rng(1))
    weights = np.arange(20) % 3
    (value,) = metrics_of(weights[None] @ group_sums(rows), 5)["precision"]
    repeated = np.repeat(np.arange(len(rows.labels)), weights[rows.groups])
    reference = precision_score(
        rows.labels[repeated], rows.predicted[repeated], average="weighted", zero_division=0
    )
    assert value == pytest.approx(reference)


def test_every_class_has_its_precision_recall_and_f1() -> None:
    (rows,) = draw_repeats(World(groups=80), np.random.default_rng(2))
    found = {(m.label, m.metric): m.value for m in measure([rows], list("abcde"), "x", 2)}
    reference = f1_score(rows.labels, rows.predicted, average=None)
    areas = [roc_auc_score(rows.labels == k, rows.probabilities[:, k]) for k in range(5)]
    for number, label in enumerate("abcde"):
        assert found[label, "f1"] == pytest.approx(reference[number])
        assert found[label, "auroc"] == pytest.approx(areas[number])


def test_a_class_never_predicted_has_no_precision() -> None:
    sure = np.tile([0.9, 0.1], (6, 1))
    rows = Outcomes(np.array([0, 0, 0, 1, 1, 1]), np.zeros(6, dtype=int), sure, np.arange(6))
    (found,) = (
        m for m in measure([rows], ["a", "b"], "x", 2) if (m.label, m.metric) == ("b", "precision")
    )
    assert found.value is None
    assert found.interval is None


def test_ties_count_half_as_in_sklearn() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, 60) / 4
    labels = rng.integers(0, 2, 60)
    rows = Outcomes(labels, labels, np.stack([1 - scores, scores], axis=1), np.arange(60))
    area = auroc.one_vs_rest(rows, 1)
    assert area is not None
    assert area.value == pytest.approx(roc_auc_score(labels, scores))


def test_aurocs_error_is_that_of_the_bootstrap() -> None:
    (rows,) = draw_repeats(World(groups=150), np.random.default_rng(3))
    area = auroc.one_vs_rest(rows, 0)
    assert area is not None
    by_group = np.bincount(rows.groups, area.influence)
    rng = np.random.default_rng(4)
    values = []
    for _ in range(400):
        drawn = rng.integers(0, 150, 150)
        own = np.concatenate([np.flatnonzero(rows.groups == group) for group in drawn])
        values.append(roc_auc_score(rows.labels[own] == 0, rows.probabilities[own, 0]))
    assert np.sqrt((by_group**2).sum()) == pytest.approx(np.std(values), rel=0.15)
