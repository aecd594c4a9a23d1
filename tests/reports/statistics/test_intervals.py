"""Closed-form intervals equal a reference, and stay where a share can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import binomtest

from reports.statistics.intervals import (
    Error,
    bounded_interval,
    clustered_share_interval,
    difference_interval,
    difference_of,
    p_value,
    share_interval,
    wilson,
)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_equals_scipy(counts: tuple[int, int]) -> None:
    correct, n = counts
    reference = binomtest(correct, n).proportion_ci(method="wilson")
    interval = wilson(correct, n)
    assert interval.low == pytest.approx(reference.low, abs=1e-12)
    assert interval.high == pytest.approx(reference.high, abs=1e-12)
    assert correct / n in interval


@pytest.mark.parametrize(("correct", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_wilson_refuses_what_is_no_proportion(correct: int, n: int) -> None:
    with pytest.raises(ValueError, match="expected 0 <= correct <= n"):
        wilson(correct, n)


@pytest.mark.parametrize(
    ("right", "n", "other", "m", "low", "high"),
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 20, 0.6791, 1)],
)
def test_differences_have_newcombes_intervals(
    right: int, n: int, other: int, m: int, low: float, high: float
) -> None:
    """Newcombe (1998), table II, method 10."""
    interval = difference_interval(right / n, n, other / m, m)
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


def test_an_error_as_of_lone_rows_gives_wilsons_interval() -> None:
    lone = Error(np.sqrt(0.6 * 0.4 / 50), 1e9)
    interval = clustered_share_interval(0.6, lone, rows=80, clusters=30)
    assert interval.low == pytest.approx(share_interval(0.6, 50).low, abs=1e-7)


def test_clusters_never_make_rows_more_than_there_are() -> None:
    sure = clustered_share_interval(0.6, Error(1e-6, 1e9), rows=80, clusters=30)
    assert sure.low == pytest.approx(share_interval(0.6, 80).low, abs=1e-7)


def test_all_right_counts_clusters_and_not_rows() -> None:
    for degrees in (1.0, 1e9):  # of an error that nothing is known of
        interval = clustered_share_interval(1.0, Error(0.0, degrees), rows=90, clusters=10)
        assert interval.low == pytest.approx(share_interval(1.0, 10).low, abs=1e-7)


@given(st.floats(0.001, 0.999), st.floats(1e-4, 0.5), st.floats(1, 500))
def test_a_bounded_interval_holds_its_value_and_stays_inside(
    value: float, error: float, degrees: float
) -> None:
    interval = bounded_interval(value, Error(error, degrees))
    assert 0 <= interval.low < value < interval.high <= 1
    double = bounded_interval(2 * value, Error(2 * error, degrees), top=2.0)
    assert double.high == pytest.approx(2 * interval.high)


def test_a_difference_is_significant_where_its_interval_excludes_zero() -> None:
    for value in (0.05, 0.1, 0.2):
        error = Error(0.05, 7)
        assert (p_value(value, error) < 0.05) == (0.0 not in difference_of(value, error))
    assert p_value(0.1, Error(0.05, 7)) == pytest.approx(2 * stats.t.sf(2, 7))
    assert p_value(0.0, Error(0.0, 7)) == 1.0
    assert difference_of(0.5, Error(3.0, 1)).high == 1.0
