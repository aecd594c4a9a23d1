"""The effect of each choice: paired differences in the run's metric and in accuracy, one column per
split policy."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from reports import wording
from reports.axes import AXES, AXIS
from reports.budgets import budget
from reports.derived.effects import INTERACTION
from reports.figures.strip import Mark, axis, strip
from reports.figures.svg import Scale, round_ticks
from reports.metrics.deciding import Deciding
from reports.run import Row, Run
from reports.sections.section import of_run
from reports.statistics import Interval
from reports.statistics.multiplicity import Conclusion, conclusion
from reports.statistics.training import IMAGES
from reports.vintages import vintages


@dataclass(frozen=True)
class Estimate:
    """One effect under one split policy."""

    mean: str
    interval: str
    pairs: int
    p: str
    words: str  # whether it is significant
    significant: bool
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
class InMetric:
    """All effects on one metric."""

    name: str
    title: str
    unit: str  # empty for a number without one
    direction: str  # "lower is better", or nothing
    factors: list[Factor]
    axis: Markup
    families: str  # effects that were corrected together, for each policy
    words: list[str]  # what is significant and what is not, a sentence a policy


@dataclass(frozen=True)
class Effects:
    policies: list[str]
    metrics: list[InMetric]  # the run's own first
    scope: str  # what the intervals cover
    budget: str  # of each side, in words
    vintages: str  # what the backbones' weights were trained on


def effects_of(run: Run) -> Effects | None:
    """None when no factor has two levels to compare."""
    found = {
        metric: sorted(run.measured("effects", metric.name), key=lambda row: _order(run, row))
        for metric in run.metrics
    }
    if not any(found.values()):
        return None
    return Effects(
        policies=run.policies,
        metrics=[_in_metric(run, metric, rows) for metric, rows in found.items() if rows],
        scope=_scope([row for rows in found.values() for row in rows]),
        budget=budget(run),
        vintages=vintages(run),
    )


def _in_metric(run: Run, metric: Deciding, rows: list[Row]) -> InMetric:
    scale = _scale(rows)
    factors: dict[str, dict[tuple[str, str], dict[str, Row]]] = {}
    for row in rows:
        levels = factors.setdefault(_factor(row["factor"]), {})
        levels.setdefault((_level(row, "level"), _level(row, "reference")), {})[
            row["split_policy"]
        ] = row
    ticks = [(value, wording.tick(metric, value)) for value in _ticks(scale)]
    return InMetric(
        name=metric.name,
        title=wording.without_unit(metric),
        unit=wording.unit(metric),
        direction=wording.direction(metric),
        factors=[
            Factor(
                name,
                [
                    Choice(
                        *levels, [_estimate(metric, own.get(one), scale) for one in run.policies]
                    )
                    for levels, own in choices.items()
                ],
            )
            for name, choices in factors.items()
        ],
        axis=axis(ticks, scale),
        families=_families(run, rows),
        words=[text for policy in run.policies if (text := _words(metric, policy, rows))],
    )


def _order(run: Run, row: Row) -> tuple[int, str, int, str]:
    """Axes with a reference, `augmentation` and `strategy`, before the others and interactions."""
    axis = AXIS.get(row["factor"])
    place = (len(AXES) if axis is None else list(AXES).index(axis)) + len(AXES) * (
        axis is None or not axis.reference
    )
    levels = {"backbone": run.backbones}.get(row["factor"], [])
    level = row["level"]
    return (place, row["factor"], levels.index(level) if level in levels else 0, level)


def _factor(factor: str) -> str:
    names = [AXIS[one].title for one in factor.split(INTERACTION)]
    if len(names) == 1:
        return names[0]
    return f"interaction of the two largest effects: {INTERACTION.join(names)}"


def _level(row: Row, column: str) -> str:
    factors, levels = row["factor"].split(INTERACTION), row[column].split(INTERACTION)
    named = [_one_level(*pair) for pair in zip(factors, levels, strict=True)]
    return INTERACTION.join(named)


def _one_level(factor: str, level: str) -> str:
    return AXIS[factor].text(level)


def _estimate(metric: Deciding, row: Row | None, scale: Scale) -> Estimate | None:
    if row is None:
        return None
    interval, found = _interval(row), _conclusion(row)
    mark = Mark(row["mean"], "dot", "" if found.significant else "flat", interval)
    return Estimate(
        mean=wording.difference(metric, row["mean"]),
        interval=wording.difference_range(metric, interval),
        pairs=int(row["pairs"]),
        p=wording.p_value(row["p_holm"]),
        words=found.words if interval else "",
        significant=found.significant,
        strip=strip([mark], scale, guides=_ticks(scale)),
    )


def _conclusion(row: Row) -> Conclusion:
    return conclusion(row["p"], row["p_holm"])


def _interval(row: Row) -> Interval | None:
    return None if row["low"] is None else Interval(row["low"], row["high"])


def _families(run: Run, rows: list[Row]) -> str:
    """'12 effects under the grouped split', for each policy."""
    sizes = {row["split_policy"]: int(row["family"]) for row in rows if row["family"] is not None}
    return wording.listed(
        f"{wording.plural(sizes[policy], 'effect')} under the {policy} split"
        for policy in run.policies
        if policy in sizes
    )


def _scope(rows: list[Row]) -> str:
    """The scope of the intervals, in words."""
    covered = {row["covers"] for row in rows if row["low"] is not None}
    if not covered:
        return ""
    trained = (
        "The intervals account for the choice of test images, which all cells share, and for "
        "training randomness, as estimated from matched cells and repeated trainings."
    )
    untested = (
        "Where too few trainings are matched, an effect is not tested, and its interval accounts "
        "for the choice of test images only, for these trained networks."
    )
    if covered == {IMAGES}:
        return untested
    return f"{trained} {untested}" if IMAGES in covered else trained


def _words(metric: Deciding, policy: str, rows: list[Row]) -> str:
    """A sentence on the significant effects under one policy."""
    own = [row for row in rows if row["split_policy"] == policy and row["p_holm"] is not None]
    if not own:
        return ""
    found = [(row, _conclusion(row)) for row in own]
    significant = [_named(metric, row) for row, one in found if one.significant]
    alone = [
        _named(metric, row)
        for row, one in found
        if one.significant_uncorrected and not one.significant
    ]
    only = f" Significant only before Holm's correction: {', '.join(alone)}."
    return f"{_sentence(policy, significant, len(own))}{only if alone else ''}"


def _sentence(policy: str, significant: list[str], every: int) -> str:
    if not significant:
        number = "the only effect is not" if every == 1 else f"none of the {every} effects is"
        return f"Under the {policy} split, {number} significant."
    rest = every - len(significant)
    others = "the other effect is" if rest == 1 else f"the other {rest} effects are"
    tail = f"; {others} not" if rest else ""
    return f"Significant under the {policy} split: {', '.join(significant)}{tail}."


def _named(metric: Deciding, row: Row) -> str:
    against, mean = _level(row, "reference"), wording.difference(metric, row["mean"])
    size = f"{mean} {wording.unit(metric)}".rstrip()
    return f"{_level(row, 'level')} vs. {against} ({size})"


def _scale(rows: list[Row]) -> Scale:
    """One scale for all, so that lengths compare; zero is always on it."""
    ends = [0.0, *(row["mean"] for row in rows)]
    ends += [row[end] for row in rows for end in ("low", "high") if row[end] is not None]
    margin = 0.04 * (max(ends) - min(ends)) or 0.01
    return Scale(min(ends) - margin, max(ends) + margin)


def _ticks(scale: Scale) -> list[float]:
    return round_ticks(scale.low, scale.high, 5)


SECTION = of_run(
    "effects",
    "Effects",
    "effects.html.j2",
    effects_of,
    "An interval that includes zero means that this experiment shows no effect, not that there is "
    "none.",
)
