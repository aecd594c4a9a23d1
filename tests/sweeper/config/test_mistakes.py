"""A config error is one line in the terms of a config, with the way out."""

import re

import pytest

from sweeper.config.load import load_config
from sweeper.errors import ConfigError
from tests.sweeper.config.test_config_fuzz import PATHS
from tests.sweeper.config.test_load import mistake


@pytest.mark.parametrize(
    ("override", "way_out"),
    [
        ("grid.seeds=[1", "the list is not closed; write [1]"),
        ("recipes.paper.hidden=[[1, 2], [3", "the list is not closed; write [[1, 2], [3]]"),
        ("scenarios={a: [b, c", "the section is not closed; write {a: [b, c]}"),
        ("grid.seeds=[1]]", "line 1, column 4: expected '<document start>', but found ']'"),
    ],
)
def test_unbalanced_brackets_are_reported_with_the_way_out(override: str, way_out: str) -> None:
    line = mistake(override)
    assert line.startswith(f"--set {override}: ")
    assert way_out in line
    assert "while parsing" not in line


@pytest.mark.parametrize("value", ["x", "3", "-1.5", "[3]", "[x, [y]]", "{a: b}", "null", "nan"])
def test_no_error_is_worded_as_by_a_library(value: str) -> None:
    for path in PATHS:
        try:
            load_config("smoke", [f"{path}={value}"])
        except ConfigError as error:
            for line in error.lines:
                assert not re.search("[Ii]nput should|should have|a valid|instance|parse", line)
