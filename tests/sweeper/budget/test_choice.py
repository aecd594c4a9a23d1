"""What a budget leaves out: whole entries, the least valuable first, and as little as possible."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.budget.additions import additions, least
from sweeper.budget.choice import Choice, TooLittleTime, choose, left_out_texts
from sweeper.budget.settings import with_settings
from sweeper.config.contradictions import contradictions
from sweeper.config.schema import Config
from sweeper.estimate.span import Span
from sweeper.plan.grid import build_grid

BACKBONE_S = {"mobilenet": 1.0, "resnet50": 3.0, "vgg16": 10.0}
ASKED = Config.model_validate(
    {
        "name": "asked",
        "split": {"folds": 5, "repeats": 2},
        "scenarios": {"few": ["a", "b"]},
        "grid": {
            "backbones": ["resnet50", "vgg16", "mobilenet"],
            "scenarios": ["all", "few"],
            "augmentations": ["fec-ige", "none"],
            "strategies": ["finetune", "transfer"],
            "seeds": [7, 8, 9],
        },
        "search": {"draws": 6},
        "finetune": {"draws": 3},
        "explain": {"examples": 4},
    }
)


def cost_of(config: Config) -> Span:
    """A second for each draw of a cell, times what its backbone and strategy weigh."""
    seconds = 0.0
    for cell in build_grid(config):
        draws = (config.finetune.draws or 1) * 4 if cell.strategy == "finetune" else 1
        draws *= config.search.draws if cell.strategy == "transfer" else 1
        seconds += BACKBONE_S[cell.backbone] * (9 if cell.augmented else 1) * draws
        seconds += config.explain.examples + (config.robustness.champions != "none")
    return Span(seconds / 2, seconds)


def chosen(limit_s: float, asked: Config = ASKED) -> tuple[Config, Choice]:
    choice = choose(asked, limit_s, cost_of)
    return with_settings(asked, choice.settings), choice


def texts(choice: Choice) -> list[str]:
    return [one.text for one in choice.left_out]


def test_nothing_is_left_out_where_all_of_it_fits() -> None:
    config, choice = chosen(cost_of(ASKED).high)
    assert config is ASKED
    assert choice == Choice(cost_of(ASKED))


def test_the_smallest_experiment_has_one_entry_on_each_axis_and_keeps_folds_if_it_can() -> None:
    first, second = least(ASKED)
    assert len(build_grid(with_settings(ASKED, first))) == 5
    assert len(build_grid(with_settings(ASKED, second))) == 1
    cell = build_grid(with_settings(ASKED, second))[0]
    assert cell.id == "grouped/resnet50/all/none/transfer/seed7"


def test_other_backbones_come_first_then_augmentation_and_fine_tuning_in_the_order_given() -> None:
    config, choice = chosen(5 * 14)
    assert config.grid.backbones == ["resnet50", "vgg16", "mobilenet"]
    assert config.grid.augmentations == ["none"]
    assert config.grid.strategies == ["transfer"]
    assert texts(choice) == [
        "augmentation fec-ige",
        "strategy finetune",
        "scenario few",
        "draws 2 to 6",
        "explanations",
        "corrupted test images",
        "training seeds 8 to 9",
        "repeat 2",
    ]
    added = choice.left_out[0].added_s
    assert added == Span(5 * 14 * 9 / 2, 5 * 14 * 9)


def test_an_expensive_backbone_gives_way_to_a_cheap_one_behind_it() -> None:
    config, choice = chosen(5 * 4)
    assert config.grid.backbones == ["resnet50", "mobilenet"]
    assert texts(choice)[0] == "backbone vgg16"


def test_draws_are_doubled_while_they_fit_and_what_remains_is_named() -> None:
    only = with_settings(ASKED, {"grid.strategies": ["transfer"], "grid.scenarios": ["all"]})
    config, choice = chosen(5 * 14 * 10 * 4, only)
    assert (config.search.draws, config.finetune.draws) == (4, 3)
    assert "draws 5 to 6" in texts(choice)


def test_a_strategy_is_left_out_with_the_one_that_it_starts_from() -> None:
    strategies = {"grid.strategies": ["linear", "transfer", "finetune"], "split.folds": None}
    asked = with_settings(ASKED, {**strategies, "split.repeats": 1})

    def transfer_is_dear(config: Config) -> Span:
        dear = 1000.0 * ("transfer" in config.grid.strategies)
        return Span.exactly(len(build_grid(config)) + dear)

    choice = choose(asked, 900, transfer_is_dear)
    left_out = {one.text: one.added_s for one in choice.left_out}
    assert choice.settings["grid.strategies"] == ["linear"]
    assert left_out["strategy transfer"] is not None
    assert left_out["strategy finetune"] is None
    texts = list(left_out_texts(choice, lambda span: "long"))
    assert texts == [
        "strategy transfer (would add long)",
        "strategy finetune (needs what is left out)",
    ]


def test_folds_give_way_last_and_this_is_said_first() -> None:
    config, choice = chosen(3)
    assert config.split.folds is None
    assert config.grid.backbones == ["resnet50"]
    assert choice.left_out[0].text == "5 folds (one division instead)"
    assert choice.left_out[0].added_s == Span(6, 12)


def test_too_little_time_says_what_the_smallest_experiment_needs() -> None:
    with pytest.raises(TooLittleTime) as caught:
        chosen(2.9)
    assert caught.value.cost_s == Span(1.5, 3)


@settings(deadline=None, max_examples=30)
@given(share=st.floats(0.0005, 1.0))
def test_whatever_the_budget_the_grid_is_complete_fits_and_cannot_be_extended(share: float) -> None:
    limit_s = share * cost_of(ASKED).high
    try:
        config, choice = chosen(limit_s)
    except TooLittleTime:
        assert limit_s < 3
        return
    assert cost_of(config).high <= limit_s
    assert not any(contradictions(config))
    assert len(build_grid(config)) == math.prod(_sizes(config))
    for axis in ("backbones", "scenarios", "augmentations", "strategies", "seeds"):
        asked = getattr(ASKED.grid, axis)
        kept = getattr(config.grid, axis)
        assert kept == [one for one in asked if one in kept]  # in the order asked for
    assert config.model_dump(exclude=_CHANGED) == ASKED.model_dump(exclude=_CHANGED)
    for addition in additions(ASKED):
        more = with_settings(ASKED, addition.to(choice.settings or _all(), ASKED))
        assert cost_of(more).high <= cost_of(config).high or cost_of(more).high > limit_s


_CHANGED: dict[str, Any] = {
    "split": {"folds", "repeats"},
    "grid": {"backbones", "scenarios", "augmentations", "strategies", "seeds"},
    "search": {"draws"},
    "finetune": {"draws"},
    "explain": {"examples", "per_class"},
    "robustness": {"champions"},
}


def _all() -> dict[str, Any]:
    return {f"grid.{name}": getattr(ASKED.grid, name) for name in _CHANGED["grid"]}


def _sizes(config: Config) -> list[int]:
    grid, split = config.grid, config.split
    lists: tuple[list[Any], ...] = (
        grid.backbones,
        grid.scenarios,
        grid.augmentations,
        grid.strategies,
        grid.seeds,
    )
    return [*map(len, lists), split.repeats, split.folds or 1]
