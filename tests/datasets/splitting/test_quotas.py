"""The arithmetic of the parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.splitting.quotas import class_quotas, draw_parts, fold_sizes, part_sizes


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (660, (528, 66, 66)),
        (469, (375, 47, 47)),
        (1129, (903, 113, 113)),
        (4221, (3376, 422, 423)),
        (10161, (8128, 1016, 1017)),
        (10, (8, 1, 1)),  # 0.2 * 10 must not be rounded up to 3
    ],
)
def test_part_sizes_are_the_notebooks(n: int, expected: tuple[int, int, int]) -> None:
    assert part_sizes(n, (0.8, 0.1, 0.1)) == expected


@given(st.integers(3, 60), st.integers(1, 98), st.integers(1, 98))
def test_no_part_is_empty_at_any_fractions(n: int, train: int, val: int) -> None:
    whole = train + val + 1
    sizes = part_sizes(n, (train / whole, val / whole, 1 / whole))
    assert sum(sizes) == n
    assert min(sizes) >= 1


@given(st.integers(1, 1000), st.integers(1, 20))
def test_folds_differ_by_one_at_most(n: int, folds: int) -> None:
    sizes = fold_sizes(n, folds)
    assert (sum(sizes), len(sizes)) == (n, folds)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("n", [10, 469, 660, 1129, 4221, 10161])
def test_part_sizes_are_those_of_scikit_learn(n: int) -> None:
    from sklearn.model_selection import train_test_split

    train, hold_out = train_test_split(np.arange(n), test_size=0.2)
    val, test = train_test_split(hold_out, test_size=0.5)
    assert part_sizes(n, (0.8, 0.1, 0.1)) == (len(train), len(val), len(test))


@given(st.lists(st.integers(1, 500), min_size=1, max_size=12), st.data())
def test_quotas_are_roundings_that_keep_both_sums(sizes: list[int], data: st.DataObject) -> None:
    n = sum(sizes)
    first = data.draw(st.integers(0, n))
    second = data.draw(st.integers(0, n - first))
    parts = (first, second, n - first - second)
    quotas = class_quotas(np.array(sizes), parts, np.random.default_rng(0))
    np.testing.assert_array_equal(quotas.sum(axis=0), parts)
    np.testing.assert_array_equal(quotas.sum(axis=1), sizes)
    assert np.abs(quotas - np.outer(sizes, parts) / n).max() < 1


@pytest.mark.parametrize("seed", range(5))
def test_a_small_class_is_tested_though_others_have_larger_remainders(seed: int) -> None:
    # exact: 3.2 0.4 0.4 | 46.4 5.8 5.8 | 46.4 5.8 5.8
    quotas = class_quotas(np.array([4, 58, 58]), (96, 12, 12), np.random.default_rng(seed))
    assert quotas[0].tolist() == [3, 0, 1]


@given(st.lists(st.integers(0, 30), min_size=3, max_size=12), st.integers(0, 1000))
def test_single_units_meet_the_quotas_exactly(flat: list[int], seed: int) -> None:
    quotas = np.array(flat[: len(flat) // 3 * 3]).reshape(-1, 3)
    classes = [c for c, row in enumerate(quotas) for _ in range(row.sum())]
    parts = draw_parts([((c, 1),) for c in classes], quotas, np.random.default_rng(seed))
    drawn = np.zeros_like(quotas)
    np.add.at(drawn, (classes, parts), 1)
    np.testing.assert_array_equal(drawn, quotas)


def test_single_units_are_drawn_uniformly() -> None:
    generator = np.random.default_rng(0)
    quotas = np.array([[8, 1, 1]])
    draws = [draw_parts([((0, 1),)] * 10, quotas, generator).index(2) for _ in range(2000)]
    assert np.abs(np.bincount(draws, minlength=10) - 200).max() < 60
