"""What a hyperparameter is drawn from: one value, a list of values, or a range.

lr: 0.001
lr: [0.001, 0.0001]
lr: {log_uniform: [0.0001, 0.01]}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from sweeper.config.allowed import KINDS, bound_rule, one_of, unexpected
from trainables.hyperparameters import Hyperparameter

_MOST_VALUES = 100


@dataclass(frozen=True)
class Range:
    """Any number from `low` to `high`; `is_log`: each factor is as likely as any other."""

    low: float
    high: float
    is_log: bool
    is_whole: bool

    def at(self, share: float) -> float | int:
        """The value below which that share, 0..1, of the range lies."""
        if self.is_log:
            value = math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        else:
            value = self.low + share * (self.high - self.low)
        return round(value) if self.is_whole else value

    def to_plain(self) -> dict[str, list[float]]:
        """As a configuration writes it."""
        return {"log_uniform" if self.is_log else "uniform": [self.low, self.high]}


Space = list[Any] | Range
"""A list of one value is fixed."""


def first_of(space: Space, default: Any) -> Any:
    """The value of draw 0: the first of a list; in a range, `default` if it is a number that lies
    within, else the middle."""
    if isinstance(space, list):
        return space[0]
    is_number = isinstance(default, int | float)
    return default if is_number and space.low <= default <= space.high else space.at(0.5)


def largest_of(space: Space) -> float:
    """The largest number that may be drawn."""
    return space.high if isinstance(space, Range) else float(max(space))


def most_settings(space: Mapping[str, Space]) -> float:
    """How many settings a space has, draw 0 included; infinite with a range."""
    if any(isinstance(one, Range) for one in space.values()):
        return math.inf
    return math.prod(len(values) for values in space.values() if isinstance(values, list))


def space_type(one: Hyperparameter) -> Any:
    """The type of the hyperparameter's key in a recipe, for pydantic."""
    kind: Any = one.type
    checked = PlainValidator(lambda value: _space(one, value)), PlainSerializer(_to_plain)
    return Annotated[kind | list[kind], *checked]


def _to_plain(space: Space) -> Any:
    """As a configuration writes it: a value that is fixed without the list."""
    if isinstance(space, Range):
        return space.to_plain()
    return space[0] if len(space) == 1 else space


def _space(one: Hyperparameter, given: Any) -> Space:
    if isinstance(given, Range):
        return given
    if isinstance(given, Mapping):
        return _range(one, given)
    if not _is_list_of_values(one, given):
        return [_value(one, given)]
    if not 1 <= len(given) <= _MOST_VALUES:
        raise ValueError(f"expected 1 to {_MOST_VALUES} values, got {len(given)}")
    return [_value(one, value) for value in given]


def _is_list_of_values(one: Hyperparameter, given: Any) -> bool:
    """Whether it lists values to draw from; a value may be a list itself."""
    if not isinstance(given, list | tuple):
        return False
    is_list = get_origin(_plain_type(one)) is list
    return not is_list or any(isinstance(value, list | tuple) for value in given)


def _plain_type(one: Hyperparameter) -> Any:
    return get_args(one.type)[0] if get_origin(one.type) is Annotated else one.type


def _value(one: Hyperparameter, given: Any) -> Any:
    """A value of the hyperparameter; ValueError names the value and the rule."""
    kind = _plain_type(one)
    if get_origin(kind) is Literal:
        return one_of(given if isinstance(given, str) else str(given), get_args(kind))
    try:
        return TypeAdapter(one.type).validate_python(given)
    except ValidationError as error:
        details = error.errors()[0]
        rule = bound_rule(details["type"], details.get("ctx", {}))
        expected = f"expected {KINDS.get(details['type'], 'another value')}"
        is_text = isinstance(given, str) and not rule
        raise ValueError(f"{repr(given) if is_text else given}: {rule or expected}") from None


def _range(one: Hyperparameter, given: Mapping[str, Any]) -> Range:
    if _plain_type(one) not in (int, float):
        raise ValueError("has no range; write a list of values")
    names = ("uniform", "log_uniform")
    if len(given) != 1 or next(iter(given)) not in names:
        raise ValueError(unexpected(", ".join(map(str, given)), names))
    ((name, ends),) = given.items()
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        raise ValueError(f"{name}: expected the two ends of a range, such as [0.0001, 0.01]")
    low, high = (_end(one, name, end) for end in ends)
    if not low < high:
        raise ValueError(f"{name}: expected the smaller end first, got [{low:g}, {high:g}]")
    if name == "log_uniform" and low <= 0:
        raise ValueError(f"{name}: expected ends above 0, got [{low:g}, {high:g}]")
    return Range(low, high, name == "log_uniform", isinstance(low, int))


def _end(one: Hyperparameter, name: str, end: Any) -> float:
    try:
        value = _value(one, end)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return float(value) if isinstance(value, float) else int(value)
