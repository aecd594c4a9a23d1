"""Values out of a list of allowed ones, and the line that names them where another was given."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any


def one_of(value: str, allowed: Sequence[str] | Mapping[str, Any]) -> str:
    """The value; ValueError where it is not allowed."""
    if value not in allowed:
        raise ValueError(unexpected(value, list(allowed)))
    return value


def unexpected(value: str, allowed: Sequence[str]) -> str:
    """What is wrong with a value that is not allowed."""
    return f"'{value}'{suggestion(value, allowed)}: expected one of {', '.join(allowed)}"


def suggestion(value: str, allowed: Sequence[str]) -> str:
    """`(did you mean ...?)`, or nothing where nothing is near."""
    close = difflib.get_close_matches(value, allowed, 1)
    return f" (did you mean {close[0]}?)" if close else ""


def distinct(values: list[Any]) -> list[Any]:
    """The values; ValueError where one is there twice."""
    if len(set(values)) < len(values):
        raise ValueError(f"{values}: every value once")
    return values
