"""Classes against the rest: equality with scikit-learn, whatever the ties."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from reports.sections.cell import classes
from reports.statistics import Interval, wilson
from reports.wording import DASH

NAMES = ["a", "b", "c"]


def no_interval(metric: str, label: str) -> Interval | None:
    return None


def drawn(count: int, seed: int, decimals: int) -> pd.DataFrame:
    """Predictions; few decimals make ties."""
    generator = np.random.default_rng(seed)
    scores = generator.dirichlet(np.ones(3), size=count).round(decimals)
    return pd.DataFrame(
        {"label": generator.choice(NAMES, size=count), "probabilities": list(scores)}
    )


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 60), st.integers(0, 2**32), st.integers(1, 6))
def test_curves_and_areas_are_scikit_learns(count: int, seed: int, decimals: int) -> None:
    rows = drawn(count, seed, decimals)
    scores = np.stack(rows["probabilities"].to_list())
    for one in classes._rankings(NAMES, rows):
        own, column = rows["label"] == one.name, scores[:, NAMES.index(one.name)]
        assert one.auroc == pytest.approx(metrics.roc_auc_score(own, column))
        assert one.average_precision == pytest.approx(metrics.average_precision_score(own, column))
        fpr, tpr, _ = metrics.roc_curve(own, column, drop_intermediate=False)
        np.testing.assert_allclose((one.false_positives, one.recall), (fpr, tpr))
        precision, recall, _ = metrics.precision_recall_curve(own, column)
        # scikit-learn ends at the threshold that reaches every row of the class
        last = len(recall)
        np.testing.assert_allclose(one.recall[:last], recall[::-1])
        np.testing.assert_allclose(one.precision[:last], precision[::-1])


def test_a_class_without_test_rows_is_left_out_of_the_curves_and_said() -> None:
    rows = pd.DataFrame({"label": ["a", "b"], "probabilities": [[0.6, 0.4, 0], [0.5, 0.3, 0.2]]})
    found = classes.classes_of(NAMES, {("a", "a"): 1, ("b", "a"): 1}, rows, no_interval)
    assert "1 class without test rows excluded" in found.caption
    assert [line.auroc for line in found.lines][2] == "—"
    assert [line.support for line in found.lines] == [1, 1, 0]


def test_recall_precision_and_f1_are_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    labels, predicted = generator.choice(NAMES, 80), generator.choice(NAMES, 80)
    counts: dict[tuple[str, str], int] = {}
    for pair in zip(labels, predicted, strict=True):
        counts[pair] = counts.get(pair, 0) + 1
    rows = pd.DataFrame({"label": labels, "probabilities": [[1.0, 0.0, 0.0]] * 80})
    found = classes.classes_of(NAMES, counts, rows, no_interval)
    report = metrics.classification_report(labels, predicted, output_dict=True)
    for line in found.lines:
        theirs = report[line.name]
        assert line.precision == f"{100 * theirs['precision']:.1f}"
        assert line.recall == f"{100 * theirs['recall']:.1f}"
        assert line.f1 == f"{100 * theirs['f1-score']:.1f}"


def test_ranges_are_the_tables_where_it_has_them_and_wilsons_for_recall_else() -> None:
    def interval(metric: str, label: str) -> Interval | None:
        return Interval(0.125, 0.5) if (metric, label) == ("f1", "a") else None

    rows = pd.DataFrame({"label": ["a", "b"], "probabilities": [[0.6, 0.4], [0.5, 0.5]]})
    line, _ = classes.classes_of(["a", "b"], {("a", "a"): 1, ("b", "a"): 1}, rows, interval).lines
    assert line.f1_range == f"12.5{DASH}50.0"
    assert line.recall_range.startswith(f"{100 * wilson(1, 1).low:.1f}")
    assert line.precision_range == ""
