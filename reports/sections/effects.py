"""What each choice is worth: paired differences in accuracy points, one column a split policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd
from markupsafe import Markup

from reports import wording
from reports.figures.strip import Mark, axis, strip
from reports.figures.svg import Scale, round_ticks
from reports.run import Run
from reports.statistics import Effect, level_effects, paired_effect


@dataclass(frozen=True)
class Estimate:
    """One effect under one split policy."""

    mean: str
    interval: str
    pairs: int
    strip: Markup


@dataclass(frozen=True)
class Choice:
    """One level of a factor; one estimate (or None) for each policy."""

    level: str
    reference: str
    estimates: list[Estimate | None]


@dataclass(frozen=True)
class Factor:
    name: str
    choices: list[Choice]


@dataclass(frozen=True)
class Effects:
    policies: list[str]
    factors: list[Factor]
    axis: Markup


def build(run: Run) -> Effects | None:
    """None when no factor has two levels to compare."""
    frame = pd.DataFrame(run.done)
    if frame.empty:
        return None
    by_policy = [frame[frame["split_policy"] == policy] for policy in run.policies]
    found: dict[str, dict[str, list[Effect | None]]] = {}
    for position, cells in enumerate(by_policy):
        for name, effect in _effects(run, cells):
            levels = found.setdefault(name, {})
            row = levels.setdefault(effect.level, [None] * len(by_policy))
            row[position] = effect
    if not found:
        return None
    scale = _scale([e for levels in found.values() for row in levels.values() for e in row if e])
    factors = [
        Factor(name, [_choice(level, row, scale) for level, row in levels.items()])
        for name, levels in found.items()
    ]
    ticks = [(value, wording.points(value).removesuffix(".0")) for value in _ticks(scale)]
    return Effects(run.policies, factors, axis(ticks, scale))


def _effects(run: Run, cells: pd.DataFrame) -> Iterator[tuple[str, Effect]]:
    two_level = (
        ("augmentation", "augmented", True, False, "augmented", "not augmented"),
        ("strategy", "strategy", "finetune", "transfer", "fine-tuned", "transfer"),
    )
    for name, factor, level, reference, level_name, reference_name in two_level:
        effect = paired_effect(cells, factor, level, reference)
        if effect.pairs:
            named = Effect(
                factor, level_name, reference_name, effect.mean, effect.interval, effect.pairs
            )
            yield name, named
    for name, order in (("backbone", run.backbones), ("scenario", run.scenarios)):
        effects = {effect.level: effect for effect in level_effects(cells, name)}
        if len(effects) > 1:
            yield from ((name, _named(effects[level])) for level in order if level in effects)


def _named(effect: Effect) -> Effect:
    if effect.factor != "scenario":
        return effect
    return replace(effect, level=wording.scenario(effect.level))


def _choice(level: str, row: list[Effect | None], scale: Scale) -> Choice:
    reference = next(effect.reference for effect in row if effect)
    return Choice(level, reference, [_estimate(effect, scale) for effect in row])


def _estimate(effect: Effect | None, scale: Scale) -> Estimate | None:
    if effect is None or not effect.pairs:
        return None
    tone = "flat" if effect.interval and 0.0 in effect.interval else ""
    drawn = strip([Mark(effect.mean, "dot", tone, effect.interval)], scale, guides=_ticks(scale))
    return Estimate(
        wording.points(effect.mean), wording.points_range(effect.interval), effect.pairs, drawn
    )


def _scale(effects: list[Effect]) -> Scale:
    """One scale for all, so that lengths compare; zero is always on it."""
    ends = [0.0]
    for effect in effects:
        ends += [effect.mean]
        if effect.interval:
            ends += [effect.interval.low, effect.interval.high]
    margin = 0.04 * (max(ends) - min(ends)) or 0.01
    return Scale(min(ends) - margin, max(ends) + margin)


def _ticks(scale: Scale) -> list[float]:
    return round_ticks(scale.low, scale.high, 5)
