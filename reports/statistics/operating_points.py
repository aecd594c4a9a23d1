"""Operating points: the threshold on one class's probability from which an image counts as of it.

A threshold is chosen on validation rows, so that what it yields on test rows is an estimate like
any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

YOUDEN, SENSITIVITY, SPECIFICITY = "youden", "sensitivity", "specificity"


@dataclass(frozen=True)
class Rule:
    """How a threshold is chosen: `youden` maximises sensitivity plus specificity (Youden 1950, the
    more sensitive of equals), the others take the best of the other at `at_least` of their own."""

    kind: str = YOUDEN
    at_least: float = 0.0

    @property
    def text(self) -> str:
        """'sensitivity at least 90 %'."""
        if self.kind == YOUDEN:
            return "Youden's index"
        return f"{self.kind} at least {100 * self.at_least:g} %"


@dataclass(frozen=True)
class Threshold:
    """Rows with at least this probability count as of the class. What it yields on its own rows is
    optimistic."""

    value: float
    sensitivity: float
    specificity: float


def choose_threshold(positive: np.ndarray, scores: np.ndarray, rule: Rule) -> Threshold | None:
    """The threshold by a rule, halfway between two scores; None where a side has no rows.

    Args:
        positive: (n,) bool, of the class.
        scores: (n,) probabilities of the class.
    """
    ahead, behind = int(positive.sum()), int((~positive).sum())
    if not ahead or not behind:
        return None
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.append(0, np.cumsum(positive[order])[ends])  # with the k highest scores taken
    sensitivity = hits / ahead
    specificity = 1 - (np.append(0, ends + 1) - hits) / behind
    k = _chosen(sensitivity, specificity, rule)
    levels = np.concatenate([[1.0], scores[order][ends].astype(float), [0.0]])
    value = float((levels[k] + levels[k + 1]) / 2)
    return Threshold(value, float(sensitivity[k]), float(specificity[k]))


def _chosen(sensitivity: np.ndarray, specificity: np.ndarray, rule: Rule) -> int:
    if rule.kind == SENSITIVITY:
        return int(np.flatnonzero(sensitivity >= rule.at_least - 1e-9)[0])
    if rule.kind == SPECIFICITY:
        return int(np.flatnonzero(specificity >= rule.at_least - 1e-9)[-1])
    index = sensitivity + specificity
    return int(np.flatnonzero(index >= index.max() - 1e-9)[-1])
