"""Choose what fits a budget; the same configuration, images and speeds give the same choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sweeper.budget.additions import Addition, additions, least
from sweeper.budget.settings import Settings, with_settings
from sweeper.config.contradictions import contradictions
from sweeper.config.schema import Config
from sweeper.estimate.span import Span

CostOf = Callable[[Config], Span]
"""The seconds that a configuration still needs."""


@dataclass(frozen=True)
class LeftOut:
    """Something left out, and the seconds that it would have added; None where it needs something
    else that is left out."""

    text: str
    added_s: Span | None


@dataclass(frozen=True)
class Choice:
    """What fits: the keys of the configuration that differ, and what they leave out."""

    cost_s: Span
    settings: Settings = field(default_factory=dict)
    left_out: Sequence[LeftOut] = ()


class TooLittleTime(Exception):
    """Not even the smallest experiment fits; `cost_s`: what it needs."""

    def __init__(self, cost_s: Span) -> None:
        super().__init__(cost_s)
        self.cost_s = cost_s


def choose(asked: Config, limit_s: float, cost_of: CostOf) -> Choice:
    """What fits into `limit_s` seconds by the upper end of the estimate; all of it if possible.

    Raises TooLittleTime.
    """
    whole = cost_of(asked)
    if whole.high <= limit_s:
        return Choice(whole)
    chosen, cost, left_out = _start(asked, limit_s, cost_of)
    for _, same in groupby(additions(asked), key=lambda one: one.series or one):
        series = list(same)
        for number, addition in enumerate(series):
            candidate = _valid(addition, chosen, asked)
            more = candidate and cost_of(with_settings(asked, candidate))
            if candidate and more and more.high <= limit_s:
                chosen, cost = candidate, more
                continue
            rest = _valid(series[-1], chosen, asked)
            added = _added(cost_of(with_settings(asked, rest)), cost) if rest else None
            left_out.append(LeftOut(series[number].text, added))
            break
    return Choice(cost, chosen, left_out)


def _start(asked: Config, limit_s: float, cost_of: CostOf) -> tuple[Settings, Span, list[LeftOut]]:
    """The smallest experiment that fits; with what it lacks of a better one."""
    left_out: list[LeftOut] = []
    needs: list[Span] = []
    for chosen in least(asked):
        cost = cost_of(with_settings(asked, chosen))
        if needs:
            text = f"{asked.split.folds} folds (one division instead)"
            left_out = [LeftOut(text, _added(needs[-1], cost))]
        if cost.high <= limit_s:
            return chosen, cost, left_out
        needs.append(cost)
    raise TooLittleTime(needs[-1])


def _valid(addition: Addition, chosen: Settings, asked: Config) -> Settings | None:
    """`chosen` with the addition; None if the configuration would contradict itself, as one with
    a strategy that starts from another that is left out."""
    settings = addition.to(chosen, asked)
    return None if any(contradictions(with_settings(asked, settings))) else settings


def _added(more: Span, less: Span) -> Span:
    return Span(max(0.0, more.low - less.low), max(0.0, more.high - less.high))


def left_out_texts(choice: Choice, seconds_text: Callable[[Span], str]) -> Iterator[str]:
    """`vgg16 (would add 20 to 60 min)`, for each thing left out."""
    for one in choice.left_out:
        why = f"would add {seconds_text(one.added_s)}" if one.added_s else "needs what is left out"
        yield f"{one.text} ({why})"
