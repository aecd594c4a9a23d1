"""Describe a config error in one line: the key, the value, the rule, the way out.

pydantic's errors are reworded in terms of a config: sections, lists, numbers and text, rather than
dictionaries and instances of classes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from sweeper.config.allowed import KINDS, NUMBER, SWITCH, WHOLE, bound_rule, suggestion
from sweeper.config.schema import Config, Section
from trainables.hyperparameters import HYPERPARAMETERS

_MAX_VALUE_LENGTH = 80  # characters of a quoted value
_OTHERS = {
    "string_too_short": "empty; write a value",
    "finite_number": "expected a finite number",
    "int_parsing_size": "a number with too many digits",
}
_ONE_IN_A_LIST = re.compile(r"\s*\[([^\[\],{}]*)\]\s*")


def mistake_line(error: Mapping[str, Any]) -> str:
    """Format one of pydantic's errors as `key.path=value: rule`."""
    keys = [str(key) for key in error["loc"]]
    path, kind, given = ".".join(keys), error["type"], error["input"]
    if kind == "extra_forbidden" and keys[-1] in HYPERPARAMETERS:
        return f"{path}: a hyperparameter belongs to a recipe; write recipes.NAME.{keys[-1]}"
    if kind == "extra_forbidden":
        valid = sorted(_fields_at(keys[:-1]))
        return f"{path}: unknown key{suggestion(keys[-1], valid)}; valid here: {', '.join(valid)}"
    if kind == "missing":
        return f"{path}: required"
    in_a_list = isinstance(error["loc"][-1], int) if keys else False  # there `b: c` is text
    if isinstance(given, dict | Section) and kind in KINDS and not in_a_list:
        return f"{path} is {KINDS[kind]}, not a section"
    rule = _rule(path, error)
    if isinstance(given, dict | list | Section) or (kind == "string_type" and given is not None):
        return f"{path}: {rule}" if path else rule
    value = _shown(given)
    for start in (value, f"'{given}'"):
        if rule.startswith(start):  # the rule quotes the value itself
            return f"{path}={rule}"
    return f"{path}={value}: {rule}"


def _rule(path: str, error: Mapping[str, Any]) -> str:
    """The violated rule, and what to write instead."""
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    if kind in ("model_type", "dict_type"):
        return f"a section; write {path}.KEY=value"
    if kind == "literal_error":
        return _one_of(given, re.findall(r"'([^']*)'", context["expected"]))
    if kind == "list_type" and isinstance(given, str):
        return f"expected a list; write [{given.strip(' []')}]"
    if kind == "string_type":
        return "expected text; quote the value if it is text"
    if kind in KINDS:
        return f"expected {KINDS[kind]}{_unwrap_hint(given, KINDS[kind])}"
    if bound := bound_rule(kind, context):
        return bound
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


def _unwrap_hint(given: Any, kind: str) -> str:
    """The way out if the value is the only one in a list, `[3]`; "" otherwise."""
    if isinstance(given, str) and (found := _ONE_IN_A_LIST.fullmatch(given)):
        given = [found[1].strip()]
    fits = _IS_OF_KIND.get(kind)
    if fits and isinstance(given, list) and len(given) == 1 and fits(given[0]):
        return f"; write {given[0]}"
    return ""


def _values(number: int) -> str:
    return f"{number} value" if number == 1 else f"{number} values"


def _shown(value: Any) -> str:
    """A value as quoted in an error: numbers as they are, text in quotes."""
    text = "null" if value is None else str(value) if _is_number(value) else repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}..."


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (ValueError, TypeError):
        return False
    return True


_IS_OF_KIND: dict[str, Callable[[Any], bool]] = {
    WHOLE: lambda value: bool(re.fullmatch(r"[+-]?\d{1,20}", str(value))),
    NUMBER: _is_number,
    SWITCH: lambda value: str(value).lower() in ("true", "false", "yes", "no", "on", "off"),
}


def _fields_at(keys: Sequence[str]) -> Iterator[str]:
    section: Any = Config
    for key in keys:
        if get_origin(section) is dict:  # its keys are names that the user gives
            section = get_args(section)[1]
        else:
            section = section.model_fields[key].annotation
    yield from section.model_fields
