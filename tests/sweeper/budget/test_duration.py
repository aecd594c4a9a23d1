"""Durations are read as users write them, and nothing else is."""

import argparse

import pytest

from sweeper.budget.duration import duration_text, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("30m", 1800, "30 min"),
        ("2h", 7200, "2 h"),
        ("1h30m", 5400, "1 h 30 min"),
        (" 1.5H ", 5400, "1 h 30 min"),
        ("90m", 5400, "1 h 30 min"),
        ("0.5m", 30, "0.5 min"),
    ],
)
def test_hours_and_minutes_are_read_and_shown(text: str, seconds: float, shown: str) -> None:
    assert parse_duration(text) == seconds
    assert duration_text(seconds) == shown


@pytest.mark.parametrize(
    "text", ["", "30", "-3m", "0m", "30s", "1 h", "m", "h", "1m30h", "nan", "infh", "²m", "99999h"]
)
def test_anything_else_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected hours and minutes, as 30m"):
        parse_duration(text)
