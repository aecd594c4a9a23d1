"""Hyperparameter draws: the same for every cell of a strategy, balanced, and none twice."""

import math
from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sweeper.config.search_space import Range
from sweeper.plan.search import Draw, draw_hyperparameters
from trainables.hyperparameters import HYPERPARAMETERS


def setting(lr: float, batch_size: int, hidden: tuple[int, ...]) -> Draw:
    return {"lr": lr, "batch_size": batch_size, "hidden": hidden}


PUBLISHED = setting(1e-3, 16, (512, 128))
SPACE: dict[str, Any] = {
    "lr": [1e-3, 1e-4, 1e-5],
    "batch_size": [8, 16, 32],
    "hidden": [[256, 128], [512, 128]],
}
NAMES = ("lr", "batch_size", "hidden")

_space = st.fixed_dictionaries(
    {
        "lr": st.lists(st.sampled_from([10.0**-i for i in range(9)]), min_size=1, max_size=6),
        "batch_size": st.lists(st.integers(2, 9), min_size=1, max_size=6),
        "hidden": st.lists(st.lists(st.integers(1, 4), max_size=2), min_size=1, max_size=5),
    }
)


def draws(count: int, space: dict[str, Any] | None = None) -> list[Draw]:
    return draw_hyperparameters("transfer", PUBLISHED, space or SPACE, count)


def inside(space: dict[str, Any]) -> Draw:
    """A setting of the space."""
    return setting(space["lr"][-1], space["batch_size"][-1], tuple(space["hidden"][-1]))


def distinct(drawn: list[Draw]) -> set[str]:
    return {str(one) for one in drawn}


def spread(drawn: list[Draw], name: str, values: list[Any]) -> int:
    """How much more often the most frequent value occurs than the rarest."""
    known = {tuple(value) if isinstance(value, list) else value for value in values}
    counts = Counter(one[name] for one in drawn)
    assert set(counts) <= known
    return max(counts.values()) - min(counts[value] for value in known)


def test_draw_0_is_the_published_setting() -> None:
    assert draws(1) == [PUBLISHED]
    assert draws(6)[0] == PUBLISHED


@given(_space, st.integers(1, 200), st.text(max_size=5))
def test_each_value_occurs_as_often_as_any_other(
    space: dict[str, Any], count: int, strategy: str
) -> None:
    drawn = draw_hyperparameters(strategy, inside(space), space, count)
    assert drawn[0] == inside(space)
    assert all(spread(drawn, name, space[name]) <= 1 for name in NAMES)


@given(_space, st.integers(1, 200))
def test_no_setting_comes_twice_and_none_is_left_out_while_draws_are_to_be_had(
    space: dict[str, Any], count: int
) -> None:
    size = 1
    for values in space.values():
        size *= len({str(value) for value in values})
    drawn = draw_hyperparameters("transfer", inside(space), space, count)
    assert len(distinct(drawn)) == len(drawn) == min(count, size)


@given(_space, st.integers(1, 200))
def test_a_published_setting_outside_the_space_leaves_the_other_draws_balanced(
    space: dict[str, Any], count: int
) -> None:
    elsewhere = setting(5.0, space["batch_size"][0], ())
    first, *others = draw_hyperparameters("transfer", elsewhere, space, count + 1)
    assert first == elsewhere
    assert len(others) == len(distinct(others))
    assert all(spread(others, name, space[name]) <= 1 for name in NAMES)


@given(_space, st.integers(1, 60))
def test_more_draws_keep_the_earlier_ones(space: dict[str, Any], count: int) -> None:
    many = draw_hyperparameters("transfer", inside(space), space, 61)
    assert draw_hyperparameters("transfer", inside(space), space, count) == many[:count]


@given(_space, st.lists(st.lists(st.integers(5, 9), max_size=2), min_size=1, max_size=5))
def test_another_hyperparameter_changes_no_draw_of_those_before_it(
    space: dict[str, Any], hidden: list[list[int]]
) -> None:
    one = {**space, "hidden": [space["hidden"][-1]]}  # nothing to choose
    other = {**space, "hidden": [space["hidden"][-1], *hidden]}
    few = draw_hyperparameters("transfer", inside(space), one, 50)
    many = draw_hyperparameters("transfer", inside(space), other, 50)
    assert [list(one.values())[:2] for one in few] == [
        list(one.values())[:2] for one in many[: len(few)]
    ]


def test_strategies_draw_in_an_order_of_their_own() -> None:
    wide = {**SPACE, "lr": [10.0**-i for i in range(8)]}
    orders = {
        str(draw_hyperparameters(strategy, PUBLISHED, wide, 8))
        for strategy in ("transfer", "finetune", "linear")
    }
    assert len(orders) == 3


def test_a_small_space_gives_fewer_draws() -> None:
    space: dict[str, list[Any]] = {"lr": [1e-3, 1e-4], "batch_size": [16], "hidden": [[512, 128]]}
    assert len(draws(9, space)) == 2
    elsewhere = setting(0.5, 4, ())
    assert len(draw_hyperparameters("transfer", elsewhere, space, 9)) == 3


def test_no_hidden_layers_are_written_none() -> None:
    assert HYPERPARAMETERS["hidden"].column(()) == "none"
    assert HYPERPARAMETERS["hidden"].column((512, 128)) == "512-128"


def test_draws_from_a_range_cover_it_evenly_and_more_of_them_change_none() -> None:
    space = {**SPACE, "lr": Range(1e-4, 1e-2, is_log=True, is_whole=False)}
    drawn = draws(33, space)
    quarters = Counter(int(4 * math.log(one["lr"] / 1e-4) / math.log(100)) for one in drawn[1:])
    assert max(quarters.values()) - min(quarters.values()) <= 1
    assert draws(9, space) == drawn[:9]


def test_two_ranges_are_drawn_independently() -> None:
    space = {
        **SPACE,
        "lr": Range(0.0, 1.0, is_log=False, is_whole=False),
        "batch_size": Range(2, 101, is_log=False, is_whole=True),
    }
    pairs = np.array([[one["lr"], one["batch_size"]] for one in draws(201, space)[1:]])
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.1
    assert all(isinstance(one["batch_size"], int) for one in draws(20, space))
