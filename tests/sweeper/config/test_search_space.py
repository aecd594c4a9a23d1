"""What hyperparameters are drawn from, as a configuration writes it."""

import pytest

from sweeper.config.load import load_config
from sweeper.config.schema import Config
from sweeper.config.search_space import Range, largest_of, most_settings
from sweeper.errors import ConfigError
from tests.sweeper.config.test_load import mistake


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("lr={log_uniform: [1e-2, 1e-4]}", "log_uniform: expected the smaller end first"),
        ("lr={loguniform: [1, 2]}", "'loguniform' (did you mean log_uniform?): expected one of"),
        ("lr={uniform: [1e-3]}", "uniform: expected the two ends of a range"),
        ("lr={uniform: [1e-3, 100]}", "uniform: 100: expected 10 or less"),
        ("lr={uniform: [a, 1]}", "uniform: 'a': expected a number"),
        ("hidden={uniform: [1, 2]}", "has no range; write a list of values"),
        ("batch_size={uniform: [1, 64]}", "uniform: 1: expected 2 or more"),
    ],
)
def test_a_range_that_is_none_is_one_line(given: str, said: str) -> None:
    line = mistake(f"recipes.paper.{given}")
    assert line.startswith(f"recipes.paper.{given.partition('=')[0]}: ")
    assert said in line


def test_a_range_survives_being_written_and_read() -> None:
    config = load_config("smoke", ["recipes.paper.lr={log_uniform: [1e-4, 1e-2]}"])
    again = Config.model_validate(config.model_dump(mode="json"))
    assert again.recipe("paper").space["lr"] == Range(1e-4, 1e-2, is_log=True, is_whole=False)


def test_whole_numbers_are_drawn_whole_and_ends_belong_to_the_range() -> None:
    config = load_config("smoke", ["recipes.paper.batch_size={uniform: [8, 64]}"])
    space = config.recipe("paper").space
    sizes = space["batch_size"]
    assert isinstance(sizes, Range)
    assert [sizes.at(share) for share in (0.0, 0.5, 1.0)] == [8, 36, 64]
    assert largest_of(sizes) == 64
    assert most_settings(space) == float("inf")


def test_a_log_range_gives_every_factor_the_same_share() -> None:
    rates = Range(1e-4, 1e-2, is_log=True, is_whole=False)
    assert rates.at(0.5) == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("recipes.x.lr=abc", "recipes.x.lr='abc': expected a number"),
        ("recipes.x.lr=11", "recipes.x.lr=11: expected 10 or less"),
        ("recipes.x.optimizer=adm", "recipes.x.optimizer='adm' (did you mean adam?): expected one"),
        ("recipes.x.lr=[]", "recipes.x.lr: expected 1 to 100 values, got 0"),
        ("recipes.x.base=nope", "recipes.x.base='nope': expected one of paper, modern, x"),
        ("recipes.paper.base=modern", "recipes.paper.base: paper is a shipped recipe"),
        ("grid.recipes=[papr]", "grid.recipes: 'papr' (did you mean paper?): expected one of"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_line(given: str, said: str) -> None:
    assert mistake(given).startswith(said)


def test_recipes_that_start_from_each_other_are_an_error() -> None:
    with pytest.raises(ConfigError, match="a would start from itself"):
        load_config("smoke", ["recipes={a: {base: b}, b: {base: a}}"])


def test_an_entry_changes_what_it_lists_of_its_base() -> None:
    config = load_config(
        "smoke",
        [
            "recipes.small.class_weights=balanced",
            "recipes.small.lr={log_uniform: [1e-4, 1e-2]}",
            "recipes.far.base=small",
            "recipes.far.lr={log_uniform: [0.04, 0.4]}",
            "recipes.far.hidden=[8, 4]",
        ],
    )
    modern, small, far = (config.recipe(name) for name in ("modern", "small", "far"))
    changed = {"class_weights": "balanced"}
    assert small.first_draw == {**modern.first_draw, **changed}
    assert far.first_draw == {**small.first_draw, "lr": pytest.approx(0.1265, rel=1e-3)} | {
        "hidden": [8, 4]
    }
    assert far.space["hidden"] == [[8, 4]]
    assert config.recipe("paper").first_draw["optimizer"] == "adam"
