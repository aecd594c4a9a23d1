"""What every hyperparameter must keep."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from sweeper.config.recipes import RecipeSection
from sweeper.plan.search import draw_hyperparameters
from tests.trainables.recipe_options import OTHER_VALUES
from trainables.hyperparameters import (
    ALWAYS,
    HYPERPARAMETERS,
    Hyperparameter,
    keyed,
    plain,
    settled,
    value_of,
)

EVERY = pytest.mark.parametrize("one", list(HYPERPARAMETERS.values()), ids=list(HYPERPARAMETERS))


@EVERY
def test_its_neutral_value_is_allowed(one: Hyperparameter) -> None:
    if one.neutral is not ALWAYS:
        assert TypeAdapter(one.type).validate_python(plain(one.neutral)) == plain(one.neutral)


@EVERY
def test_a_recipe_has_it_as_a_key(one: Hyperparameter) -> None:
    given = plain(OTHER_VALUES[one.name])
    assert getattr(RecipeSection.model_validate({one.name: given}), one.name) == [given]


@EVERY
def test_its_values_have_a_column_of_one_plain_type(one: Hyperparameter) -> None:
    values = [OTHER_VALUES[one.name], *([] if one.neutral is ALWAYS else [one.neutral])]
    columns = [one.column(value) for value in values]
    assert len({type(value) for value in columns}) == 1
    assert isinstance(columns[0], int | float | str)


@EVERY
def test_a_draw_has_it_and_the_key_of_a_trial_knows_it(one: Hyperparameter) -> None:
    first: dict[str, Any] = {"lr": 0.1, "batch_size": 8, "hidden": (4,)}
    default = {name: first.get(name, h.neutral) for name, h in HYPERPARAMETERS.items()}
    space = {name: [value] for name, value in default.items()}
    space[one.name] = [default[one.name], OTHER_VALUES[one.name]]
    draws = draw_hyperparameters("transfer", default, space, 20)
    assert [draw[one.name] for draw in draws] == space[one.name]
    keys = [json.dumps(keyed(draw), sort_keys=True) for draw in draws]
    assert len(set(keys)) == 2
    is_new = one.neutral is not ALWAYS
    assert (one.name in keyed(draws[0])) != is_new  # existing trials keep their keys


@EVERY
def test_without_effect_it_is_neutral_and_its_condition_is_settled_before_it(
    one: Hyperparameter,
) -> None:
    assert (one.neutral is not ALWAYS) or not (one.of_backbone or one.of_groups or one.only_with)
    names = list(HYPERPARAMETERS)
    assert all(names.index(other) < names.index(one.name) for other in one.only_with)


def test_draws_that_train_alike_are_settled_to_one() -> None:
    adam, sgd = ({"lr": 0.1, "optimizer": one, "momentum": 0.5} for one in ("adam", "sgd"))
    assert settled(adam, trains_backbone=True)["momentum"] == 0.9
    assert settled(sgd, trains_backbone=True)["momentum"] == 0.5
    frozen = {"lr": 0.1, "batchnorm": "frozen", "layer_decay": 0.5}
    assert settled(frozen, trains_backbone=True) == frozen
    assert settled(frozen, trains_backbone=False) == {
        "lr": 0.1,
        "batchnorm": "train",
        "layer_decay": 1.0,
    }
    grouped = {"lr": 0.1, "group_decay": 0.5}
    assert settled(grouped, trains_backbone=True, trains_groups=True) == grouped
    assert settled(grouped, trains_backbone=True)["group_decay"] == 1.0


def test_a_draw_made_before_there_was_a_hyperparameter_has_its_neutral_value() -> None:
    assert value_of({"lr": 0.1}, "weight_decay") == 0.0
    assert keyed({"lr": 0.1, "weight_decay": 0.0}) == {"lr": 0.1}
    assert keyed({"lr": 0.1, "weight_decay": 0.1}) == {"lr": 0.1, "weight_decay": 0.1}
