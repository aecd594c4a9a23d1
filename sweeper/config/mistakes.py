"""A mistake in a configuration as one line: the key, the value, the rule, the way out.

What pydantic finds is told in the words of a config: it has sections, lists, numbers and texts, and
neither dictionaries nor instances of classes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from sweeper.config.allowed import suggestion
from sweeper.config.schema import Config, Section

_LONGEST_VALUE = 80  # of a value that an error quotes
_WHOLE, _NUMBER, _SWITCH = "a whole number", "a number", "true or false"
_KINDS = {
    "string_type": "a text",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "list_type": "a list",
}  # by pydantic's type of error: what the value of the key is
_BOUNDS = {
    "greater_than": ("gt", "expected more than {}"),
    "greater_than_equal": ("ge", "expected {} or more"),
    "less_than": ("lt", "expected less than {}"),
    "less_than_equal": ("le", "expected {} or less"),
}
_OTHERS = {
    "string_too_short": "empty; write a value",
    "finite_number": "expected a finite number",
    "int_parsing_size": "a number of too many digits",
}
_ONE_IN_A_LIST = re.compile(r"\s*\[([^\[\],{}]*)\]\s*")


def mistake_line(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors as `key.path=value: rule`."""
    keys = [str(key) for key in error["loc"]]
    path, kind, given = ".".join(keys), error["type"], error["input"]
    if kind == "extra_forbidden":
        valid = sorted(_fields_at(keys[:-1]))
        return f"{path}: unknown key{suggestion(keys[-1], valid)}; valid here: {', '.join(valid)}"
    if kind == "missing":
        return f"{path}: needed"
    in_a_list = isinstance(error["loc"][-1], int) if keys else False  # there `b: c` is a text
    if isinstance(given, dict | Section) and kind in _KINDS and not in_a_list:
        return f"{path} is {_KINDS[kind]}, not a section"
    rule = _rule(path, error)
    if isinstance(given, dict | list | Section) or (kind == "string_type" and given is not None):
        return f"{path}: {rule}" if path else rule
    value = _shown(given)
    for begin in (value, f"'{given}'"):
        if rule.startswith(begin):  # with the value itself
            return f"{path}={rule}"
    return f"{path}={value}: {rule}"


def _rule(path: str, error: Mapping[str, Any]) -> str:
    """What is wrong with the value, and what to write."""
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    if kind in ("model_type", "dict_type"):
        return f"a section; write {path}.KEY=value"
    if kind == "literal_error":
        return _one_of(given, re.findall(r"'([^']*)'", context["expected"]))
    if kind == "list_type" and isinstance(given, str):
        return f"expected a list; write [{given.strip(' []')}]"
    if kind == "string_type":
        return "expected text; quote it if it is one"
    if kind in _KINDS:
        return f"expected {_KINDS[kind]}{_taken_out(given, _KINDS[kind])}"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return words.format(f"{context[key]:.17g}")
    if kind == "too_short":
        return f"expected at least {_values(context['min_length'])}"
    if kind == "too_long":
        return f"expected at most {_values(context['max_length'])}"
    message = error["msg"].removeprefix("Value error, ")
    return _OTHERS.get(kind) or f"{message[:1].lower()}{message[1:]}"


def _one_of(given: Any, allowed: Sequence[str]) -> str:
    rule = f"expected one of {', '.join(allowed)}"
    return (
        f"{_shown(given)}{suggestion(given, allowed)}: {rule}" if isinstance(given, str) else rule
    )


def _taken_out(given: Any, kind: str) -> str:
    """The way out where the value stands in a list alone, `[3]`; "" for others."""
    if isinstance(given, str) and (found := _ONE_IN_A_LIST.fullmatch(given)):
        given = [found[1].strip()]
    fits = _IS_OF_KIND.get(kind)
    if fits and isinstance(given, list) and len(given) == 1 and fits(given[0]):
        return f"; write {given[0]}"
    return ""


def _values(number: int) -> str:
    return f"{number} value" if number == 1 else f"{number} values"


def _shown(value: Any) -> str:
    """A value as an error quotes it: numbers as they are, text in quotes."""
    text = "null" if value is None else str(value) if _is_number(value) else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (ValueError, TypeError):
        return False
    return True


_IS_OF_KIND: dict[str, Callable[[Any], bool]] = {
    _WHOLE: lambda value: bool(re.fullmatch(r"[+-]?\d{1,20}", str(value))),
    _NUMBER: _is_number,
    _SWITCH: lambda value: str(value).lower() in ("true", "false", "yes", "no", "on", "off"),
}


def _fields_at(keys: Sequence[str]) -> Iterator[str]:
    section: Any = Config
    for key in keys:
        if get_origin(section) is dict:  # its keys are names that the user gives
            section = get_args(section)[1]
        else:
            section = section.model_fields[key].annotation
    yield from section.model_fields
