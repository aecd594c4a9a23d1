"""What a hyperparameter is drawn from: a list of values, or a range.

lr: [0.001, 0.0001]
lr: {log_uniform: [0.0001, 0.01]}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Len
from pydantic import PlainSerializer, TypeAdapter, ValidationError, WrapValidator

from sweeper.config.allowed import unexpected
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


def largest_of(space: Space) -> float:
    """The largest number that may be drawn."""
    return space.high if isinstance(space, Range) else float(max(space))


def most_settings(space: Mapping[str, Space]) -> float:
    """How many settings a space has, the published one with them; infinite with a range."""
    if any(isinstance(one, Range) for one in space.values()):
        return math.inf
    return math.prod(len(values) for values in space.values() if isinstance(values, list)) + 1


def space_type(one: Hyperparameter) -> Any:
    """The type of the key `search.<name>`, for pydantic."""
    kind = Annotated[list[one.type], Len(1, _MOST_VALUES)]  # type: ignore[name-defined]
    return Annotated[
        kind,
        WrapValidator(lambda value, handler: _space(one, value, handler)),
        PlainSerializer(_to_plain),
    ]


def _to_plain(space: Space) -> Any:
    return space.to_plain() if isinstance(space, Range) else space


def _space(one: Hyperparameter, value: Any, handler: Any) -> Any:
    if isinstance(value, Range):
        return value
    return _range(one, value) if isinstance(value, Mapping) else handler(value)


def _range(one: Hyperparameter, given: Mapping[str, Any]) -> Range:
    if not isinstance(one.published, int | float):
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
        value = TypeAdapter(one.type).validate_python(end)
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).replace("Input should be", "expected")
        raise ValueError(f"{name}: {end}: {reason}") from None
    return float(value) if isinstance(value, float) else int(value)
