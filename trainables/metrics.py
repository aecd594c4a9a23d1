"""What is measured on a test set. scikit-learn's metrics; the averages are the paper's."""

from __future__ import annotations

import warnings

import numpy as np

from trainables.calibration import expected_calibration_error

METRICS_VERSION = 1


def classification_metrics(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Metrics 0..1 of labels (n,) int and probabilities (n, classes).

    precision, recall, f1: class-weighted averages; a class never predicted counts 0. auroc:
    one-vs-rest, class-weighted; NaN where the test set lacks a class. ece: see
    `calibration.expected_calibration_error`.
    """
    from sklearn import metrics  # half a second to import, and few processes evaluate

    predicted = probabilities.argmax(1)
    weighted = {"average": "weighted", "zero_division": 0}
    return {
        "accuracy": float(metrics.accuracy_score(labels, predicted)),
        "precision": float(metrics.precision_score(labels, predicted, **weighted)),
        "recall": float(metrics.recall_score(labels, predicted, **weighted)),
        "f1": float(metrics.f1_score(labels, predicted, **weighted)),
        "macro_f1": float(metrics.f1_score(labels, predicted, average="macro", zero_division=0)),
        "auroc": _auroc(labels, probabilities),
        "ece": expected_calibration_error(labels, probabilities),
    }


def _auroc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    from sklearn.exceptions import UndefinedMetricWarning
    from sklearn.metrics import roc_auc_score

    classes = np.arange(probabilities.shape[1])
    if len(np.unique(labels)) < len(classes):
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        if len(classes) == 2:
            return float(roc_auc_score(labels, probabilities[:, 1]))
        rows = probabilities / probabilities.sum(1, keepdims=True)
        return float(
            roc_auc_score(labels, rows, multi_class="ovr", average="weighted", labels=classes)
        )
