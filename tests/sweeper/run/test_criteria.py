"""What validation decides by, from its name in a configuration to the epoch that is kept."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from reports.metrics.deciding import DECIDING
from sweeper.run.criteria import criterion_of

LABELS = np.arange(60) % 3
SHARES = np.random.default_rng(0).dirichlet([1, 1, 1], size=60).astype(np.float32)
LOSS = float(-np.log(SHARES[np.arange(60), LABELS]).mean())
ACCURACY = float((SHARES.argmax(axis=1) == LABELS).mean())


def _rows(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return LABELS, shares


@pytest.mark.parametrize("name", DECIDING)
def test_a_criterion_is_its_metric_with_higher_as_better(name: str) -> None:
    found = criterion_of(name).score(LOSS, ACCURACY, lambda: (LABELS, SHARES))
    assert found == pytest.approx(DECIDING[name].score(LABELS, SHARES), rel=1e-5)


@pytest.mark.parametrize("name", DECIDING)
def test_a_criterion_prefers_probabilities_that_know_the_label(name: str) -> None:
    known, other = (
        np.where(np.eye(3, dtype=bool)[(LABELS + turn) % 3], 0.8, 0.1).astype(np.float32)
        for turn in (0, 1)
    )
    scores = [
        criterion_of(name).score(loss, accuracy, partial(_rows, shares))
        for shares, loss, accuracy in ((known, -np.log(0.8), 1.0), (other, -np.log(0.1), 0.0))
    ]
    assert scores[0] > scores[1]


def test_a_metric_that_does_not_exist_on_validation_leaves_the_decision_to_the_loss() -> None:
    without = LABELS != 2
    rows = LABELS[without], SHARES[without]
    assert criterion_of("auroc").score(0.7, 0.5, lambda: rows) == -0.7
