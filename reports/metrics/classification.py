"""Metrics of the predicted classes. The averages over classes are the paper's: weighted by class
size, a class never predicted counts 0. Tests hold them to scikit-learn's."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from reports.metrics import rules
from reports.metrics.class_share import ClassShare
from reports.metrics.entry import Metric, OfSums
from reports.statistics.measures import ClassCounts, Measure, class_counts, share


def _accuracy(sums: np.ndarray, classes: int) -> np.ndarray:
    counts = ClassCounts.of(sums, classes)
    return np.asarray(counts.correct.sum(axis=1) / counts.rows)


def _precision(sums: np.ndarray, classes: int) -> np.ndarray:
    counts = ClassCounts.of(sums, classes)
    return _weighted(counts, share(counts.correct, counts.predicted))


def _f1(sums: np.ndarray, classes: int) -> np.ndarray:
    counts = ClassCounts.of(sums, classes)
    return _weighted(counts, _f1_of_classes(counts))


def _macro_f1(sums: np.ndarray, classes: int) -> np.ndarray:
    """Over the classes that occur among labels or predictions."""
    counts = ClassCounts.of(sums, classes)
    occurring = ((counts.labelled + counts.predicted) > 0).sum(axis=1)
    occurring = np.where(np.isnan(counts.rows), np.nan, occurring)
    return np.asarray(_f1_of_classes(counts).sum(axis=1) / occurring)


def _f1_of_classes(counts: ClassCounts) -> np.ndarray:
    return share(2 * counts.correct, counts.labelled + counts.predicted)


def _weighted(counts: ClassCounts, of_classes: np.ndarray) -> np.ndarray:
    """The mean over classes, weighted by class size."""
    weights = counts.labelled / counts.rows[:, None]
    return np.asarray((weights * of_classes).sum(axis=1))


_counted = partial(Measure, class_counts)

_ACCURACY = Metric(
    name="accuracy",
    title="accuracy",
    remark="",
    meaning="of the champion on the test part, like all that follow",
    function=OfSums(_counted(_accuracy)),
    interval=rules.share_of_rows,
    exported=True,
)

CLASSIFICATION: tuple[Metric, ...] = (
    _ACCURACY,
    Metric(
        name="precision",
        title="precision",
        remark="weighted by class size",
        meaning="mean over classes, weighted by class size; a class never predicted counts 0",
        function=OfSums(_counted(_precision)),
        interval=rules.average_over_classes,
        of_class=ClassShare(lambda correct, labelled, predicted: predicted),
        exported=True,
    ),
    replace(
        _ACCURACY,
        name="recall",
        title="recall",
        remark="weighted by class size: equals accuracy",
        meaning="weighted by class size, which makes it the accuracy",
        of_class=ClassShare(lambda correct, labelled, predicted: labelled),
        decides=False,  # as accuracy does
    ),
    Metric(
        name="f1",
        title="F1",
        remark="weighted by class size",
        meaning="mean of the classes' F1, weighted by class size",
        function=OfSums(_counted(_f1)),
        interval=rules.average_over_classes,
        # of a class it is 2 J / (1 + J), and the Jaccard index J is a share of rows
        of_class=ClassShare(
            lambda correct, labelled, predicted: labelled + predicted - correct,
            lambda jaccard: 2 * jaccard / (1 + jaccard),
        ),
        listed=True,
        exported=True,
    ),
    Metric(
        name="macro_f1",
        title="macro F1",
        remark="unweighted mean over classes",
        meaning="unweighted mean of the classes' F1",
        function=OfSums(_counted(_macro_f1)),
        interval=rules.average_over_classes,
    ),
)
