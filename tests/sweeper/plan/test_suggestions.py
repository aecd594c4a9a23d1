"""Optuna's suggestions: a function of the results, distinct, and better than balanced draws."""

import math
from typing import Any

import pytest

pytest.importorskip("optuna")

from sweeper.config.search_space import Range, Space
from sweeper.plan.search import Draw, draw_hyperparameters
from sweeper.plan.suggestions import Result, suggest

SPACE: dict[str, Space] = {
    "lr": Range(1e-5, 1e-1, is_log=True, is_whole=False),
    "batch_size": Range(4, 64, is_log=False, is_whole=True),
    "hidden": [[512, 128], []],
    "optimizer": ["adam"],
}
DEFAULT: Draw = {"lr": 1e-3, "batch_size": 16, "hidden": (512, 128), "optimizer": "adam"}


def score(draw: Draw) -> float:
    """Best at a rate of 3e-4 and without hidden layers."""
    return -abs(math.log10(draw["lr"] / 3e-4)) - (0.5 if draw["hidden"] else 0.0)


def rounds(count: int, size: int, seed: str) -> list[Draw]:
    drawn = draw_hyperparameters("transfer", DEFAULT, SPACE, size)
    while len(drawn) < count:
        results = [Result(one, score(one)) for one in drawn]
        drawn += suggest(results, SPACE, size, f"{seed}:{len(drawn)}", dict)
    return drawn


def test_the_same_results_and_seed_give_the_same_draws_and_another_seed_others() -> None:
    assert rounds(12, 4, "a") == rounds(12, 4, "a")
    assert rounds(12, 4, "a") != rounds(12, 4, "b")


def test_draws_are_in_the_space_and_distinct() -> None:
    drawn = rounds(16, 4, "a")
    assert len({str(one) for one in drawn}) == 16
    for one in drawn:
        assert list(one) == list(SPACE)
        assert 1e-5 <= one["lr"] <= 1e-1
        assert isinstance(one["batch_size"], int)
        assert 4 <= one["batch_size"] <= 64
        assert one["hidden"] in ((512, 128), ())
        assert one["optimizer"] == "adam"


def test_later_rounds_are_better_than_balanced_draws() -> None:
    balanced = draw_hyperparameters("transfer", DEFAULT, SPACE, 24)[12:]
    means = [sum(map(score, rounds(24, 4, seed)[12:])) / 12 for seed in "abcde"]
    assert min(means) > sum(map(score, balanced)) / len(balanced)


def test_other_results_give_other_draws() -> None:
    drawn = draw_hyperparameters("transfer", DEFAULT, SPACE, 8)
    up = suggest([Result(one, score(one)) for one in drawn], SPACE, 4, "s", dict)
    down = suggest([Result(one, -score(one)) for one in drawn], SPACE, 4, "s", dict)
    assert up != down


def test_a_small_space_is_exhausted_and_no_draw_is_repeated() -> None:
    space: dict[str, Space] = {"lr": [0.1, 0.2, 0.3], "hidden": [[4], []]}
    first = [Result({"lr": 0.1, "hidden": (4,)}, 0.5)]
    found = suggest(first, space, 5, "s", dict)
    assert len({str(one) for one in found}) == len(found) == 5
    assert first[0].draw not in found


@pytest.mark.parametrize(
    "odd",
    [
        Result({**DEFAULT, "lr": 2e-3}, None),  # failed
        Result({**DEFAULT, "lr": 5.0}, 0.3),  # outside of the range
        Result({**DEFAULT, "hidden": (9,)}, 0.3),  # not in the list
        Result({**DEFAULT, "lr": 2e-3}, 0.3, stopped_at=2),
    ],
    ids=str,
)
def test_any_result_can_be_followed(odd: Result) -> None:
    results = [Result(DEFAULT, 0.4), odd]
    assert len(suggest(results, SPACE, 3, "s", dict)) == 3
    assert len(suggest([odd], SPACE, 3, "s", dict)) == 3


def test_draws_that_train_alike_are_suggested_once() -> None:
    def settle(draw: dict[str, Any]) -> dict[str, Any]:
        return {**draw, "hidden": ()}

    space: dict[str, Space] = {"lr": [0.1, 0.2, 0.3], "hidden": [[4], []]}
    found = suggest([Result({"lr": 0.1, "hidden": ()}, 0.5)], space, 5, "s", settle)
    assert sorted(one["lr"] for one in found) == [0.2, 0.3]
