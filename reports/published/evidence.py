"""Measure the strength of a table's evidence: what counting rules out, and what copies explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.published.consistency import Line, at_least, correct_count, possible_share

_SURE = 0.01  # a multiple is named if chance would let as many rows fit less often than this


@dataclass(frozen=True)
class Teeth:
    """How much the check of counts can find: few possible values, strong evidence."""

    n_test: int
    digits: int
    share: float  # of the printable values, those possible with n_test
    rows: int
    impossible: int


@dataclass(frozen=True)
class Copies:
    """One multiple of n that fits rows which n does not."""

    factor: int
    fits: int
    of: int  # impossible rows
    expected: float  # of them that would fit by chance
    probability: float  # that as many fit by chance, of any factor tried


def teeth_of(lines: Sequence[Line]) -> Iterator[Teeth]:
    """One for each n_test and printed precision, of the rows that are counted; a printed k/n says
    its count and proves nothing."""
    groups: dict[tuple[int, int], list[Line]] = {}
    for line in lines:
        if line.is_counted and line.accuracy and line.n_test and not line.accuracy.exact:
            groups.setdefault((line.n_test, line.accuracy.digits), []).append(line)
    for (n, digits), members in sorted(groups.items()):
        impossible = sum(line.count is None for line in members)
        yield Teeth(n, digits, possible_share(n, digits), len(members), impossible)


def copies_of(lines: Sequence[Line], factors: Sequence[int]) -> Copies | None:
    """The multiple that explains most of the impossible rows, if chance hardly would.

    The probability is Bonferroni's, over the factors. A row outside 0..1 fits nothing: left out.
    """
    wrong = [
        (line.accuracy, line.n_test)
        for line in lines
        if line.is_counted and line.accuracy and line.n_test and line.count is None
    ]
    best: Copies | None = None
    for factor in factors if wrong else ():
        fits = sum(correct_count(value, factor * n) is not None for value, n in wrong)
        chances = [possible_share(factor * n, value.digits) for value, n in wrong]
        probability = min(1.0, at_least(fits, chances) * len(factors))
        if probability < (best.probability if best else _SURE):
            best = Copies(factor, fits, len(wrong), sum(chances), probability)
    return best
