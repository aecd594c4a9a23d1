"""Metrics of resampled rows are scikit-learn's; AUROC's error is DeLong's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, roc_auc_score

from benchmarks.statistics.coverage import outcomes_of_rows
from benchmarks.statistics.truth import scores
from benchmarks.statistics.worlds import Rows, World, experiment
from reports.metrics import metrics_of
from reports.metrics.classification import CLASSIFICATION
from reports.metrics.entry import OfSums
from reports.metrics.measured import Measured, Metrics
from reports.statistics import auroc
from reports.statistics.outcomes import Outcomes
from reports.statistics.panel import Panel
from reports.statistics.training import Design

COPIES = (1, 1, 1, 1, 1, 1, 1, 2, 2, 3)


def _drawn(rng: np.random.Generator, **world: object) -> Outcomes:
    (rows,) = experiment(World(**({"sizes": COPIES} | world)), rng)  # type: ignore[arg-type]
    return outcomes_of_rows(rows)


def _measured(rows: Outcomes, names: list[str]) -> list[Measured]:
    one = np.zeros(1, dtype=int)
    panel = Panel([rows], Design(one, one, one, one), "x", draws=2)
    return Metrics(panel, names).measure([0], {})


@pytest.mark.parametrize("classes", [2, 5])
def test_all_rows_once_give_the_metrics_of_the_evaluation(classes: int) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        rows = _drawn(rng, groups=60, classes=classes, skills=(0.8,))
        reference = metrics_of(rows.labels, rows.probabilities)
        names = [str(number) for number in range(classes)]
        found = {m.metric: m.value for m in _measured(rows, names) if m.label == ""}
        for metric in ("accuracy", "precision", "recall", "f1", "macro_f1", "auroc", "ece"):
            assert found[metric] == pytest.approx(reference[metric], abs=1e-9), metric


def test_a_group_drawn_twice_counts_as_its_rows_twice() -> None:
    rows = _drawn(np.random.default_rng(1), groups=20)
    weights = np.arange(20) % 3
    (measure,) = (
        function.measure
        for one in CLASSIFICATION
        if one.name == "precision" and isinstance(function := one.function, OfSums)
    )
    by_group = np.stack([measure.terms(rows)[rows.groups == g].sum(axis=0) for g in range(20)])
    (value,) = measure.value(weights[None] @ by_group, 5)
    repeated = np.repeat(np.arange(len(rows.labels)), weights[rows.groups])
    reference = precision_score(
        rows.labels[repeated], rows.predicted[repeated], average="weighted", zero_division=0
    )
    assert value == pytest.approx(reference)


def test_every_class_has_its_precision_recall_and_f1() -> None:
    rows = _drawn(np.random.default_rng(2), groups=80)
    found = {(m.label, m.metric): m.value for m in _measured(rows, list("abcde"))}
    reference = f1_score(rows.labels, rows.predicted, average=None)
    areas = [roc_auc_score(rows.labels == k, rows.probabilities[:, k]) for k in range(5)]
    for number, label in enumerate("abcde"):
        assert found[label, "f1"] == pytest.approx(reference[number])
        assert found[label, "auroc"] == pytest.approx(areas[number])


def test_a_class_never_predicted_has_no_precision() -> None:
    sure = np.tile([0.9, 0.1], (6, 1))
    rows = Outcomes(np.array([0, 0, 0, 1, 1, 1]), np.zeros(6, dtype=int), sure, np.arange(6))
    (found,) = (m for m in _measured(rows, ["a", "b"]) if (m.label, m.metric) == ("b", "precision"))
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
    rows = _drawn(np.random.default_rng(3), groups=150)
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


@pytest.mark.parametrize("classes", [2, 4])
def test_the_benchmarks_own_metrics_are_those_of_the_evaluation(classes: int) -> None:
    rows = _drawn(np.random.default_rng(5), groups=300, classes=classes)
    own = scores(Rows(0, 0, rows.labels, rows.probabilities, rows.groups, 0.0))
    reference = metrics_of(rows.labels, rows.probabilities)
    for metric in ("accuracy", "precision", "f1", "macro_f1", "auroc", "ece"):
        assert own[metric] == pytest.approx(reference[metric], abs=1e-9), metric
