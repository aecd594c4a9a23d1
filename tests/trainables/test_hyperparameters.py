"""What every hyperparameter must keep."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from sweeper.config.load import load_config
from sweeper.plan.search import draw_hyperparameters
from trainables.hyperparameters import HYPERPARAMETERS, Hyperparameter, keyed, plain

EVERY = pytest.mark.parametrize("one", list(HYPERPARAMETERS.values()), ids=list(HYPERPARAMETERS))


@EVERY
def test_its_own_values_are_allowed(one: Hyperparameter) -> None:
    allowed = TypeAdapter(one.type)
    for value in (one.published, *one.values):
        assert allowed.validate_python(plain(value)) == plain(value)


@EVERY
def test_a_configuration_has_it_as_a_key_with_its_defaults(one: Hyperparameter) -> None:
    search = load_config("smoke").search
    assert search.first_draw[one.name] == plain(one.published)
    assert search.space[one.name] == [plain(value) for value in one.values]


@EVERY
def test_its_values_have_a_column_of_one_plain_type(one: Hyperparameter) -> None:
    columns = [one.column(value) for value in (one.published, *one.values)]
    assert len({type(value) for value in columns}) == 1
    assert isinstance(columns[0], int | float | str)


@EVERY
def test_a_draw_has_it_and_the_key_of_a_trial_knows_it(one: Hyperparameter) -> None:
    published: dict[str, Any] = {name: h.published for name, h in HYPERPARAMETERS.items()}
    space = {name: list(h.values) for name, h in HYPERPARAMETERS.items()}
    draws = draw_hyperparameters("transfer", published, space, 20)
    assert {str(draw[one.name]) for draw in draws} >= {str(value) for value in one.values}
    keys = [json.dumps(keyed(draw), sort_keys=True) for draw in draws]
    assert len(set(keys)) == len(draws)


def test_a_neutral_value_is_left_out_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    decay = Hyperparameter("decay", "decay", float, 0.0, (0.0, 0.1), "of weights", neutral=0.0)
    monkeypatch.setitem(HYPERPARAMETERS, "decay", decay)
    assert keyed({"lr": 0.1, "decay": 0.0}) == {"lr": 0.1}
    assert keyed({"lr": 0.1, "decay": 0.1}) == {"lr": 0.1, "decay": 0.1}
