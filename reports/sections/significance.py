"""Configurations that differ significantly from the one that validation prefers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from reports import wording
from reports.axes import configuration_name
from reports.figures.strip import Mark, axis, strip
from reports.figures.svg import Scale, round_ticks
from reports.metrics.deciding import Deciding
from reports.run import Row, Run
from reports.sections.section import of_run
from reports.sections.trainings import sentences, subject
from reports.statistics import Interval
from reports.statistics.multiplicity import Conclusion, conclusion
from reports.vintages import vintages


@dataclass(frozen=True)
class Rival:
    """One configuration beside the chosen one."""

    name: str
    anchor: str
    accuracy: str
    difference: str  # of the chosen one minus this one, in the run's metric
    interval: str
    discordant: str
    p: str
    words: str  # whether the two differ significantly
    strip: Markup


@dataclass(frozen=True)
class Family:
    """One scenario under one split policy: what was corrected together."""

    title: str
    chosen: str
    anchor: str
    accuracy: str
    words: str
    trainings: str  # what their number lets a reader conclude
    holm: str  # what was corrected together
    rivals: list[Rival]


@dataclass(frozen=True)
class Significance:
    metric: str  # that validation decides by, and that is compared
    unit: str
    direction: str  # "lower is better", or nothing
    families: list[Family]
    axis: Markup
    method: str
    vintages: str  # what the backbones' weights were trained on


def significance_of(run: Run) -> Significance | None:
    """None where no scenario has two configurations with predictions."""
    rows = run.measured("comparisons", run.metric.name)
    if not rows:
        return None
    rows.sort(key=lambda row: (_place(run.policies, row["split_policy"]), _scenario(run, row)))
    cells = _cells(run)
    ends = [0.0, *(row[end] for row in rows for end in ("low", "high"))]
    margin = 0.03 * (max(ends) - min(ends)) or 0.01
    scale = Scale(min(ends) - margin, max(ends) + margin)
    by_family = groupby(rows, key=lambda row: (row["split_policy"], row["scenario"]))
    ticks = [(value, wording.tick(run.metric, value)) for value in _ticks(scale)]
    return Significance(
        metric=wording.without_unit(run.metric),
        unit=wording.unit(run.metric),
        direction=wording.direction(run.metric),
        families=[_family(run, list(own), cells, scale) for _, own in by_family],
        axis=axis(ticks, scale),
        method=_method(rows),
        vintages=vintages(run),
    )


Cells = dict[tuple[str, str, str], list[Row]]  # by policy, scenario, configuration


def _cells(run: Run) -> Cells:
    found: Cells = {}
    for row in run.done:
        key = (row["split_policy"], row["scenario"], configuration_name(row))
        found.setdefault(key, []).append(row)
    return found


def _family(run: Run, rows: list[Row], cells: Cells, scale: Scale) -> Family:
    first = rows[0]
    chosen = cells[first["split_policy"], first["scenario"], first["best"]]
    rivals = [(row, cells[row["split_policy"], row["scenario"], row["other"]]) for row in rows]
    sign = 1 if run.metric.higher_is_better else -1
    rivals.sort(key=lambda pair: (sign * pair[0]["difference"], pair[0]["other"]))
    return Family(
        title=f"{wording.scenario(first['scenario'])}, {first['split_policy']} split",
        chosen=_name(chosen[0]),
        anchor=chosen[0]["anchor"],
        accuracy=_accuracy(chosen),
        words=_words(run.metric, rows),
        trainings=sentences(run, first["split_policy"], first["scenario"], rows),
        holm=_holm(rows),
        rivals=[_rival(run.metric, row, own, scale) for row, own in rivals],
    )


def _rival(metric: Deciding, row: Row, cells: list[Row], scale: Scale) -> Rival:
    interval, found = Interval(row["low"], row["high"]), _conclusion(row)
    mark = Mark(row["difference"], "dot", "" if found.significant else "flat", interval)
    return Rival(
        name=_name(cells[0]),
        anchor=cells[0]["anchor"],
        accuracy=_accuracy(cells),
        difference=wording.difference(metric, row["difference"]),
        interval=wording.difference_range(metric, interval),
        discordant=wording.count(row["discordant"]),
        p=wording.p_value(row["p_holm"]),
        words=found.words,
        strip=strip([mark], scale, guides=_ticks(scale)),
    )


def _conclusion(row: Row) -> Conclusion:
    return conclusion(row["p"], row["p_holm"])


def _holm(rows: list[Row]) -> str:
    """The family of comparisons that were corrected together."""
    size = int(rows[0]["family"])
    if size == len(rows):
        return f"Holm family: the {wording.plural(size, 'comparison')} in this table."
    return (
        f"Holm family: {wording.plural(size, 'comparison')}, all pairs of the {len(rows) + 1} "
        "configurations, because the first was chosen by the same trainings that are compared."
    )


def _words(metric: Deciding, rows: list[Row]) -> str:
    significant = [row for row in rows if _conclusion(row).significant]
    alike = len(rows) - len(significant)
    if not significant:
        noun = subject(rows)
        if alike == 1:
            return f"The other {noun} does not differ significantly."
        return f"None of the other {alike} {noun}s differs significantly."
    better = sum((row["difference"] < 0) == metric.higher_is_better for row in significant)
    parts = [
        f"{count} {words}"
        for count, words in (
            (len(significant) - better, "significantly worse"),
            (better, "significantly better"),
            (alike, "not significantly different"),
        )
        if count
    ]
    return f"Of the other {wording.plural(len(rows), subject(rows))}, {', '.join(parts)}."


def _method(rows: list[Row]) -> str:
    """A sentence on the tests used."""
    used = list(dict.fromkeys(row["method"] for row in rows))
    if len(used) == 1:
        return f"Test: {used[0]}."
    return f"Tests, depending on what the two share: {'; '.join(used)}."


def _name(row: Row) -> str:
    return f"{row['backbone']}, {wording.recipe(row)}"


def _accuracy(cells: list[Row]) -> str:
    return wording.percent(sum(row["accuracy"] for row in cells) / len(cells))


def _scenario(run: Run, row: Row) -> int:
    return _place(run.scenarios, row["scenario"])


def _place(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _ticks(scale: Scale) -> list[float]:
    return round_ticks(scale.low, scale.high, 5)


SECTION = of_run(
    "significance",
    "Significance",
    "significance.html.j2",
    significance_of,
    "Configurations that do not differ significantly from the first are not worse than it as far "
    "as these test images can tell: choose among them by cost.",
)
