"""Check values against lists of allowed ones, with error messages that list them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

WHOLE, NUMBER, SWITCH = "a whole number", "a number", "true or false"
KINDS = {
    "string_type": "text",
    "int_type": WHOLE,
    "int_parsing": WHOLE,
    "int_from_float": WHOLE,
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "bool_type": SWITCH,
    "bool_parsing": SWITCH,
    "list_type": "a list",
}
"""pydantic's type of error -> the expected kind of value."""
_BOUNDS = {
    "greater_than": ("gt", "expected more than {}"),
    "greater_than_equal": ("ge", "expected {} or more"),
    "less_than": ("lt", "expected less than {}"),
    "less_than_equal": ("le", "expected {} or less"),
}


def one_of(value: str, allowed: Sequence[str] | Mapping[str, Any]) -> str:
    """Return the value; ValueError if it is not allowed."""
    if value not in allowed:
        raise ValueError(unexpected(value, list(allowed)))
    return value


def unexpected(value: str, allowed: Sequence[str]) -> str:
    """The error message for a value that is not allowed."""
    return f"'{value}'{suggestion(value, allowed)}: expected one of {', '.join(allowed)}"


def suggestion(value: str, allowed: Sequence[str]) -> str:
    """` (did you mean ...?)`, or "" if no allowed value is similar."""
    close = difflib.get_close_matches(value, allowed, 1)
    return f" (did you mean {close[0]}?)" if close else ""


def distinct(values: list[Any]) -> list[Any]:
    """Return the values; ValueError if one occurs twice."""
    if len(set(values)) < len(values):
        raise ValueError(f"{values}: duplicate values; list every value once")
    return values


def bound_rule(kind: str, context: Mapping[str, Any]) -> str:
    """The violated bound of a number, from the type and context of pydantic's error; "" if it is no
    bound."""
    if kind not in _BOUNDS:
        return ""
    key, words = _BOUNDS[kind]
    return words.format(f"{context[key]:.17g}")
