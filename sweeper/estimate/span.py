"""A number known as a range."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """From `low` to `high`, both included; neither below 0."""

    low: float
    high: float

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.high + other.high)

    def __mul__(self, factor: float) -> Span:
        return Span(self.low * factor, self.high * factor)

    def __truediv__(self, rate: Span) -> Span:
        """Work divided by a rate: the fastest rate yields the low end."""
        return Span(self.low / rate.high, self.high / rate.low)

    @classmethod
    def exactly(cls, value: float) -> Span:
        return cls(value, value)

    @classmethod
    def none(cls) -> Span:
        return cls(0.0, 0.0)
