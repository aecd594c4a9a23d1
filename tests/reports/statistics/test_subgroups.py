"""Gaps between subgroups: exchanged as groups, and corrected for all pairs."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from reports.statistics.subgroups import Column, Gap, OfWeights, Rows, _exchanged, find_gaps


def mean_of(values: np.ndarray) -> OfWeights:
    def metric(weights: np.ndarray) -> np.ndarray:
        whole = weights.sum(axis=1)
        return np.asarray(weights @ values / np.where(whole > 0, whole, np.nan))

    return metric


def gaps(
    columns: list[Column], group: np.ndarray, right: np.ndarray, times: int = 1999
) -> list[Gap]:
    rows = Rows(np.arange(len(group)), group)
    draws = np.zeros((2, sum(one.subgroups for one in columns)))
    return find_gaps(columns, rows, mean_of(right), draws, "test", exchanges=times)


def test_two_subgroups_have_the_p_of_fishers_exact_test() -> None:
    code = np.repeat([0, 1], [30, 20])
    right = np.concatenate([np.arange(30) < 27, np.arange(20) < 12]).astype(float)
    (gap,) = gaps([Column("sex", code, 2, [0, 1])], np.arange(50), right, 9999)
    assert gap.value == pytest.approx(0.9 - 0.6)
    counts = np.arange(51)
    chance = hypergeom.pmf(counts, 50, 39, 30)
    apart = np.abs(counts / 30 - (39 - counts) / 20) >= 0.3 - 1e-9
    assert gap.p == pytest.approx(chance[apart].sum(), abs=0.01)


def test_many_columns_raise_p_and_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    right = (rng.random(200) < 0.8).astype(float)
    first = Column("first", rng.integers(0, 2, 200), 2, [0, 1])
    others = [Column(f"c{k}", rng.integers(0, 5, 200), 5, range(5)) for k in range(6)]
    alone, among = (
        gaps([first], np.arange(200), right)[0],
        gaps([first, *others], np.arange(200), right)[0],
    )
    assert among.value == alone.value
    assert among.p > alone.p
    assert among.interval.half_width > 1.3 * alone.interval.half_width


def test_a_column_counted_twice_costs_nothing() -> None:
    rng = np.random.default_rng(1)
    right = (rng.random(120) < 0.7).astype(float)
    one = Column("a", rng.integers(0, 3, 120), 3, range(3))
    once, twice = gaps([one], np.arange(120), right), gaps([one, one], np.arange(120), right)
    assert [gap.p for gap in once] == [gap.p for gap in twice[: len(once)]]


def test_images_of_one_person_count_once() -> None:
    """Ten people of 40 equal images each say no more than ten people."""
    code = np.repeat([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], 40)
    right = np.repeat([1, 1, 1, 1, 0, 0, 0, 1, 0, 0], 40).astype(float)
    column = Column("sex", code, 2, [0, 1])
    (people,) = gaps([column], np.repeat(np.arange(10), 40), right)
    (apart,) = gaps([column], np.arange(400), right)
    assert people.p > 0.1
    assert apart.p < 0.001


def test_exchanges_keep_sizes_and_whatever_is_known_of_one_image_together() -> None:
    group = np.array([0, 0, 1, 1, 2, 3, 4, 4, 4])
    image = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1])  # two images were tested twice
    codes = [np.arange(9)[image], (np.arange(9) % 2)[image]]
    columns = [Column("a", codes[0], 9, []), Column("b", codes[1], 2, [])]
    sizes = np.array([2, 2, 2, 2, 1, 1, 3, 3, 3])
    seen = set()
    for first, second in _exchanged(columns, Rows(image, group), 50, "x"):
        assert sorted(first[:9]) == list(range(9))
        assert (second == first % 2).all()
        assert (first[9:] == first[:2]).all()
        assert (sizes[first[:9]] == sizes).all()
        assert group[first[0]] == group[first[1]]
        seen.add(tuple(first))
    assert len(seen) > 20
