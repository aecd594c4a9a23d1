"""The interval of a difference of independent shares covers it, and its p agrees with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics.intervals import Interval, difference_interval, p_of_interval

COUNTS = st.integers(5, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, COUNTS)
def test_p_is_below_5_percent_where_the_interval_leaves_out_zero(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    (k, n), (j, m) = first, second
    interval = difference_interval(k / n, n, j / m, m)
    p = p_of_interval(k / n - j / m, interval)
    assert 0 <= p <= 1
    assert (p < 0.05) == (0 not in Interval(interval.low - 1e-12, interval.high + 1e-12)) or (
        p == pytest.approx(0.05)
    )


@pytest.mark.parametrize(("share", "n", "m"), [(0.1, 12, 31), (0.5, 20, 20), (0.95, 47, 66)])
def test_no_difference_is_significant_in_about_5_percent_of_simulated_pairs(
    share: float, n: int, m: int
) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.binomial(n, share, 3000) / n, rng.binomial(m, share, 3000) / m
    alarms = [
        p_of_interval(a - b, difference_interval(a, n, b, m)) < 0.05
        for a, b in zip(first, second, strict=True)
    ]
    assert np.mean(alarms) < 0.065
