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
from reports.statistics.outcomes import Outcomes


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


def _balanced_accuracy(sums: np.ndarray, classes: int) -> np.ndarray:
    """Over the classes that have rows."""
    counts = ClassCounts.of(sums, classes)
    there = (counts.labelled > 0).sum(axis=1)
    there = np.where(there > 0, there, np.nan)
    return np.asarray(share(counts.correct, counts.labelled).sum(axis=1) / there)


def _mcc(sums: np.ndarray, classes: int) -> np.ndarray:
    """R_K of Gorodkin (2004), Eq. (8); 0 where one class has all rows or all predictions."""
    counts = ClassCounts.of(sums, classes)
    n = counts.rows
    together = n * counts.correct.sum(axis=1) - _by_chance(counts)
    label, predicted = (n**2 - (one**2).sum(axis=1) for one in (counts.labelled, counts.predicted))
    scale = np.sqrt(label * predicted)
    return np.where(np.isnan(n), np.nan, share(together, scale))


def _kappa(sums: np.ndarray, classes: int) -> np.ndarray:
    """(observed - expected) / (1 - expected) agreement (Cohen 1960); NaN where one class has all
    rows and all predictions, so that chance agrees as well."""
    counts = ClassCounts.of(sums, classes)
    n = counts.rows
    expected = _by_chance(counts) / n**2
    return _ratio(counts.correct.sum(axis=1) / n - expected, 1 - expected)


def _by_chance(counts: ClassCounts) -> np.ndarray:
    """(draws,), rows times the hits that would be expected if predictions ignored the images."""
    return np.asarray((counts.labelled * counts.predicted).sum(axis=1))


def _places(outcomes: Outcomes) -> np.ndarray:
    """The terms of the quadratic kappa: (n, 6)."""
    label, predicted = outcomes.labels.astype(float), outcomes.predicted.astype(float)
    far = (label - predicted) ** 2
    return np.stack([far, label, label**2, predicted, predicted**2, np.ones_like(far)], axis=1)


def _quadratic_kappa(sums: np.ndarray, classes: int) -> np.ndarray:
    """1 - observed / expected squared distance of the classes (Cohen 1968)."""
    far, label, label2, predicted, predicted2, n = sums.T
    expected = label2 + predicted2 - 2 * label * predicted / np.where(n > 0, n, np.nan)
    return 1 - _ratio(far, expected)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where the whole is 0."""
    return np.asarray(part / np.where(whole == 0, np.nan, whole))


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
    Metric(
        name="balanced_accuracy",
        title="balanced accuracy",
        remark="unweighted mean of the classes' recall",
        meaning="unweighted mean of the classes' recall, over the classes that have test rows",
        function=OfSums(_counted(_balanced_accuracy)),
        interval=rules.average_over_classes,
    ),
    Metric(
        name="mcc",
        title="MCC",
        remark="Matthews correlation, -1..1",
        meaning="Matthews correlation coefficient; 0 where one class has all rows or predictions",
        function=OfSums(_counted(_mcc, low=-1.0)),
        interval=rules.bootstrap,
        unit="-1..1",
        percent=False,
    ),
    Metric(
        name="kappa",
        title="Cohen's kappa",
        remark="agreement beyond chance, -1..1",
        meaning="Cohen's kappa: agreement of labels and predictions beyond chance",
        function=OfSums(_counted(_kappa, low=-1.0)),
        interval=rules.bootstrap,
        unit="-1..1",
        percent=False,
    ),
    Metric(
        name="quadratic_kappa",
        title="quadratic kappa",
        remark="for ordered classes only, -1..1",
        meaning="Cohen's kappa with quadratic weights; the classes count as ordered as run.json "
        "lists them, so it means something for grades only",
        function=OfSums(Measure(_places, _quadratic_kappa, low=-1.0)),
        interval=rules.bootstrap,
        unit="-1..1",
        percent=False,
    ),
)
