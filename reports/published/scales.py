"""The values of one column on the scale 0..1, each by its own notation.

A column may print fractions, percentages or, by mistake, both. Each value is judged on its own
scale and by its own decimals: the notation of its neighbours is no finding.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from reports.published.consistency import Printed
from reports.published.numbers import Number

_LARGEST_FRACTION = 2
"""A bare number up to here may be a fraction: 1.02 is an impossible one, 95.5 is a percentage."""
_EXACT = Fraction(1, 10**18)
"""The step of a printed k/n: finer than two fractions of test sets can lie apart."""


@dataclass(frozen=True)
class Scale:
    """How the bare numbers of a column are read, those with neither a % sign nor a denominator.

    Args:
        fixed: all of them are percentages (True) or fractions (False); None: each as it looks.
        mostly_percent: what most of them are.
    """

    fixed: bool | None
    mostly_percent: bool

    def is_percent(self, number: Number) -> bool:
        if number.percent or number.of:
            return number.percent
        if self.fixed is not None:
            return self.fixed
        if 0 < number.value <= 1:
            return False
        return self.mostly_percent or abs(number.value) > _LARGEST_FRACTION


def scale_of(numbers: Sequence[Number], unit: bool | None, header_in_percent: bool) -> Scale:
    """The scale of a column.

    Args:
        unit: what the user says all bare numbers are, percent (True) or fractions (False).
        header_in_percent: whether the header has a % sign. Values above and below 1 under it are
            still distinguished.
    """
    bare = [number.value for number in numbers if not number.percent and not number.of]
    if unit is None and header_in_percent and all(value <= _LARGEST_FRACTION for value in bare):
        unit = True
    most = bool(bare) and statistics.median(bare) > _LARGEST_FRACTION
    return Scale(unit, header_in_percent or most)


def printed_as(number: Number, scale: Scale) -> Printed:
    """A number on the scale 0..1."""
    unit = 100 if scale.is_percent(number) else 1
    step = _EXACT if number.of else number.step / unit
    return Printed(number.text, number.value / unit, step, bool(number.of), number.averaged)


@dataclass(frozen=True)
class Mixture:
    """What one column mixes."""

    name: str
    scales: bool  # fractions and percentages
    decimals: tuple[int, int] | None  # the fewest and the most, where they vary on one scale


def mixture_of(name: str, numbers: Sequence[Number], scale: Scale) -> Mixture:
    """What the numbers of a column mix; a % sign or a denominator says what a number is."""
    own = [number for number in numbers if not number.of]
    bare = {scale.is_percent(number) for number in own if not number.percent and number.value}
    for percent in (False, True):
        decimals = {number.decimals for number in own if scale.is_percent(number) is percent}
        if len(decimals) > 1:
            return Mixture(name, len(bare) > 1, (min(decimals), max(decimals)))
    return Mixture(name, len(bare) > 1, None)


def mixture_notes(mixtures: Sequence[Mixture]) -> Iterator[str]:
    """In words, for all columns together."""
    if scales := ", ".join(one.name for one in mixtures if one.scales):
        yield (
            f"fractions and percentages are mixed in {scales}: values up to 1 are read as "
            "fractions, larger ones as percentages (--unit makes all of them one or the other)"
        )
    varying = ((one.name, one.decimals) for one in mixtures if one.decimals)
    if decimals := ", ".join(f"{name} {few} to {many}" for name, (few, many) in varying):
        yield f"the number of decimals varies ({decimals}): each value is judged by its own"
