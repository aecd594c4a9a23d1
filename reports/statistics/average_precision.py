"""Average precision of one class against the rest, with rows that count more or less."""

from __future__ import annotations

import numpy as np

_MOST_NUMBERS = 4_000_000  # of one array


def average_precision(
    positive: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """sum_k (recall_k - recall_k-1) precision_k over the thresholds, the highest first, rows of
    equal score together: scikit-learn's `average_precision_score` for each row of `weights`.

    Args:
        positive: (n,) bool.
        scores: (n,).
        weights: (draws, n), how often each row counts; None: once, which makes one draw.

    Returns (draws,); NaN where no positive row counts.
    """
    weights = np.ones((1, len(scores))) if weights is None else weights
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    step = max(1, _MOST_NUMBERS // max(1, len(scores)))
    parts = [
        _of_draws(positive[order], weights[start : start + step, order], ends)
        for start in range(0, len(weights), step)
    ]
    return np.concatenate(parts)


def _of_draws(positive: np.ndarray, weights: np.ndarray, ends: np.ndarray) -> np.ndarray:
    hits = np.cumsum(weights * positive, axis=1)[:, ends]
    rows = np.cumsum(weights, axis=1)[:, ends]
    precision = np.divide(hits, rows, out=np.zeros_like(hits), where=rows > 0)
    gained = np.diff(hits, axis=1, prepend=0.0)
    total = np.where(hits[:, -1] > 0, hits[:, -1], np.nan)
    return np.asarray((gained * precision).sum(axis=1) / total)
