"""Exact paired tests equal their references; copies of one image are one observation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test
from statsmodels.stats.multitest import multipletests

from reports.statistics.multiplicity import conclusion, holm
from reports.statistics.paired import compare_paired, sign_flip_p


def _rows(wins: int, losses: int, same: int) -> tuple[np.ndarray, np.ndarray]:
    first = np.array([True] * wins + [False] * losses + [True] * same)
    second = np.array([False] * wins + [True] * losses + [True] * same)
    return first, second


@pytest.mark.parametrize(("wins", "losses"), [(10, 2), (3, 3), (0, 0), (0, 7), (25, 11)])
def test_lone_rows_are_compared_by_mcnemars_exact_test(wins: int, losses: int) -> None:
    first, second = _rows(wins, losses, 30)
    found = compare_paired(first, second, np.arange(len(first)))
    both = wins + losses
    assert found.p == pytest.approx(binomtest(wins, both).pvalue if both else 1.0)
    assert found.discordant == both
    assert found.method == "McNemar, exact"
    assert sign_flip_p(first.astype(int) - second.astype(int)) == pytest.approx(found.p)


def test_sign_flips_are_scipys_exact_permutation_test() -> None:
    net = np.array([3, -1, 2, 2, 0, -4, 1, 5, 1])
    exact = permutation_test((net,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(net) == pytest.approx(exact.pvalue)


def test_copies_of_an_image_do_not_make_a_difference_surer() -> None:
    first, second = _rows(8, 2, 20)
    alone = compare_paired(first, second, np.arange(30))
    copied = compare_paired(np.repeat(first, 9), np.repeat(second, 9), np.repeat(np.arange(30), 9))
    assert copied.p == pytest.approx(alone.p)
    assert copied.interval.half_width == pytest.approx(alone.interval.half_width, rel=0.05)


def test_two_models_that_never_disagree_still_have_an_interval() -> None:
    first, second = _rows(0, 0, 40)
    found = compare_paired(first, second, np.arange(40))
    assert found.p == 1.0
    assert found.interval.low < -0.03
    assert found.interval.high > 0.03


def test_paired_intervals_cover() -> None:
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(600):
        hard = rng.random(47)
        first, second = (hard + 0.3 * rng.normal(size=47) < level for level in (0.6, 0.5))
        hits.append((first, second))
    hard = rng.random(400_000)
    truth = np.mean(hard + 0.3 * rng.normal(size=400_000) < 0.6)
    truth -= np.mean(hard + 0.3 * rng.normal(size=400_000) < 0.5)
    covered = np.mean([truth in compare_paired(*pair, np.arange(47)).interval for pair in hits])
    assert 0.93 <= covered <= 0.975


def test_holm_multiplies_the_smallest_by_all() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_holm_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 9, 40):
        p = rng.random(size).round(2)  # with ties
        assert holm(list(p)) == pytest.approx(multipletests(p, method="holm")[1])


@pytest.mark.parametrize(
    ("p", "p_holm", "words"),
    [
        (0.001, 0.01, "significant"),
        (0.08, 0.2, "not significant"),
        (0.051, 0.051, "not significant"),
        (0.03, 0.2, "not significant after Holm"),
        (None, None, "not tested"),
    ],
)
def test_holm_is_named_only_where_it_makes_the_difference(
    p: float | None, p_holm: float | None, words: str
) -> None:
    assert conclusion(p, p_holm).words == words
