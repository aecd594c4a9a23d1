"""Compare runs: tables, one self-contained page, and the same as text for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reports import wording
from reports.axes import AXES, Role
from reports.compare.groups import Group
from reports.compare.matched import CHOSEN, CONFIGURATION, OVERALL, PAIRED, SAME, UNPAIRED
from reports.compare.settings import by_setting
from reports.figures.strip import Mark, axis, strip
from reports.figures.svg import Scale, round_ticks
from reports.metrics.deciding import DECIDING, Deciding
from reports.page import environment, verbatim
from reports.statistics import Interval
from reports.statistics.multiplicity import conclusion

Row = dict[str, Any]
PAGE = "compare.html"
_FACTORS = [one for one in AXES if one.role is Role.FACTOR]


@dataclass(frozen=True)
class ShownDifference:
    """One row of the page: a group of runs against the reference."""

    name: str
    below: str  # what its cells are, under the name
    values: str  # both accuracies, percent
    difference: str
    interval: str
    common: str
    p: str
    words: str
    strip: Markup
    unit: str  # of the difference: ' points' or ''

    @property
    def text(self) -> str:
        """The same in one line."""
        name = f"{self.name}: {self.below}" if self.below else self.name
        accuracies = f" {self.values}," if self.values else ""
        return (
            f"{name}:{accuracies} {self.difference}{self.unit} (95 % CI {self.interval}), "
            f"p {self.p}, {self.words}; {self.common}"
        )


@dataclass(frozen=True)
class Differences:
    """A table of differences in one metric."""

    metric: Deciding
    rows: list[ShownDifference]
    axis: Markup

    @property
    def title(self) -> str:
        """'accuracy, in points', 'log loss, nats; lower is better'."""
        unit = ", in points" if self.metric.percent else ""
        return f"{self.metric.title}{unit}" + (
            "" if self.metric.higher_is_better else "; lower is better"
        )


@dataclass(frozen=True)
class Comparison:
    """The content of the page, all of it text."""

    groups: Sequence[Group]
    runs: list[Row]
    settings: list[tuple[str, str, list[str]]]  # part, setting, the value of each group
    overall: list[Differences]
    chosen: list[Differences]
    matched: list[Differences]
    unmatched: str
    scope: str
    command: str

    @property
    def letters(self) -> list[str]:
        return [group.letter for group in self.groups]

    @property
    def title(self) -> str:
        groups = [", ".join(run.name for run in group.runs) for group in self.groups]
        return " against ".join(groups)

    @property
    def lead(self) -> str:
        """The result in one sentence."""
        if len(self.groups) < 2:
            return (
                f"{wording.listed(run.name for run in self.groups[0].runs)} are repeats of one "
                "configuration on the same images, so there is nothing to compare."
            )
        if not self.matched:
            return self.unmatched
        found = "; ".join(
            f"{one.name}: {one.difference} points (95 % CI {one.interval}), {one.words}"
            for table in self.overall
            for one in table.rows
        )
        if not found:
            return f"{wording.plural(len(self.matched[0].rows), 'configuration')} matched."
        return f"Mean difference in test accuracy over matched configurations: {found}."


def comparison_of(
    groups: Sequence[Group], settings: Sequence[Row], rows: Sequence[Row], command: str
) -> Comparison:
    """The content of the page, from the tables `settings` and `differences`."""
    kinds = {
        kind: _tables([row for row in rows if row["kind"] == kind])
        for kind in (OVERALL, CHOSEN, CONFIGURATION)
    }
    letters = [group.letter for group in groups]
    return Comparison(
        groups=groups,
        runs=[_run(group) for group in groups],
        settings=[
            (part, name, [values.get(letter, "") or wording.NONE for letter in letters])
            for part, name, values in by_setting(settings)
        ],
        overall=kinds[OVERALL],
        chosen=kinds[CHOSEN],
        matched=kinds[CONFIGURATION],
        unmatched=_unmatched(groups, rows),
        scope=_scope(rows),
        command=command,
    )


def _tables(rows: Sequence[Row]) -> list[Differences]:
    """One table for each metric; their axes differ."""
    return [
        _table(DECIDING[name], [row for row in rows if row["metric"] == name])
        for name in dict.fromkeys(row["metric"] for row in rows)
    ]


def _table(metric: Deciding, rows: Sequence[Row]) -> Differences:
    ends = [0.0, *(row[end] for row in rows for end in ("low", "high") if row[end] is not None)]
    scale = Scale(min(ends) - 0.02, max(ends) + 0.02)
    ticks = round_ticks(scale.low, scale.high)
    labels = [(value, _difference(metric, value).removesuffix(".0")) for value in ticks]
    shown = [_shown(row, metric, scale, ticks) for row in rows if row["difference"] is not None]
    return Differences(metric, shown, axis(labels, scale))


def write_page(comparison: Comparison, out: Path) -> Path:
    """Write `out/compare.html` and return its path."""
    page = (
        environment()
        .get_template("compare.html.j2")
        .render(
            it=comparison,
            words=wording,
            style=verbatim("figures.css") + verbatim("style.css") + verbatim("compare.css"),
        )
    )
    path = out / PAGE
    beside = path.with_suffix(".html.part")
    beside.write_text(page, encoding="utf-8", newline="\n")
    beside.replace(path)
    return path


def lines(comparison: Comparison) -> Iterator[str]:
    """For a terminal: the runs, what differs, the differences, and the result."""
    for group, run in zip(comparison.groups, comparison.runs, strict=True):
        yield f"{group.title}: {run['cells']} cells done, {run['images']}"
    yield ""
    if comparison.settings:
        yield f"{'differs':<44} {'  '.join(f'{one:<24}' for one in comparison.letters)}".rstrip()
    else:
        yield "no setting differs, and the images are the same"
    for part, name, values in comparison.settings:
        label = name if part == "configuration" else f"{part}: {name}"
        yield f"{label:<44} {'  '.join(f'{_short(one):<24}' for one in values)}".rstrip()
    for title, shown in (
        ("chosen by validation", comparison.chosen),
        ("matched configurations", comparison.matched),
    ):
        for table in shown:
            yield from ("", f"{title}, {table.title}", *(f"  {one.text}" for one in table.rows))
    yield ""
    if comparison.unmatched and comparison.matched:
        yield comparison.unmatched
    yield comparison.lead


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"


def _run(group: Group) -> Row:
    first = group.first.run
    cells = [row for one in group.runs for row in one.run.cells]
    done = sum(row["state"] == "done" for row in cells)
    return {
        "letter": group.letter,
        "names": [one.name for one in group.runs],
        "cells": f"{done} of {len(cells)}",
        "images": wording.plural(len(group.first.images), "image"),
        "started": str(first.info.get("started", ""))[:10],
        "seeds": wording.listed(
            dict.fromkeys(str(row["seed"]) for row in sorted(cells, key=lambda row: row["seed"]))
        ),
    }


def _unmatched(groups: Sequence[Group], rows: Sequence[Row]) -> str:
    """The groups none of whose cells has a counterpart."""
    matched = {row["run"] for row in rows if row["kind"] == CONFIGURATION}
    missing = [group for group in groups[1:] if group.letter not in matched]
    if not missing:
        return ""
    return (
        f"No finished cell of {wording.listed(one.letter for one in missing)} has a counterpart in "
        f"{groups[0].letter}: the split policy, the classes of the scenario, the backbone, the "
        "augmentation and the strategy have to agree."
    )


def _scope(rows: Sequence[Row]) -> str:
    covers = {row["covers"] != "images" for row in rows if row["kind"] == CONFIGURATION}
    pairings = {row["pairing"] for row in rows if row["kind"] == CONFIGURATION}
    text = f"Intervals cover the {wording.interval_scope(covers)}."
    if UNPAIRED in pairings:
        text += (
            " Where no test image is in both, the difference is unpaired: it also contains how "
            "hard the two sets of test images are."
        )
    return text


def _shown(row: Row, metric: Deciding, scale: Scale, ticks: Sequence[float]) -> ShownDifference:
    found = conclusion(row["p"], row["p_holm"])
    interval = None if row["low"] is None else Interval(row["low"], row["high"])
    tone = "" if found.significant else "flat"
    return ShownDifference(
        name=_name(row),
        below=_below(row),
        values=_values(row, metric),
        difference=_difference(metric, row["difference"]),
        interval=_interval(metric, interval),
        common=_common(row),
        p=wording.p_value(row["p_holm"]),
        words="the same trained network" if row["pairing"] == SAME else found.words,
        strip=strip([Mark(row["difference"], "dot", tone, interval)], scale, guides=ticks),
        unit=" points" if metric.percent else "",
    )


def _difference(metric: Deciding, value: float) -> str:
    return wording.points(value) if metric.percent else f"{value:+.3f}".replace("-", "\u2212")


def _interval(metric: Deciding, interval: Interval | None) -> str:
    if metric.percent or interval is None:
        return wording.points_range(interval)
    return f"{_difference(metric, interval.low)} to {_difference(metric, interval.high)}"


def _name(row: Row) -> str:
    """'B minus A, grouped split, scenario 1'."""
    name = f"{row['run']} minus {row['reference']}, {row['split_policy']} split"
    if row["kind"] == OVERALL:
        return f"{name}, {wording.plural(int(row['pairs']), 'matched configuration')}"
    return f"{name}, {wording.scenario(row['scenario'])}"


def _below(row: Row) -> str:
    if row["kind"] == OVERALL:
        return ""
    own, reference = (
        _configuration(row[one]) for one in ("configuration", "reference_configuration")
    )
    return own if own == reference else f"{own} against {reference}"


def _configuration(name: str) -> str:
    parts = zip(_FACTORS, name.split("/"), strict=True)
    return ", ".join(axis.text(entry) for axis, entry in parts)


def _values(row: Row, metric: Deciding) -> str:
    """'A 43.1 %, B 50.0 % (mean of 3)'."""
    if row["value"] is None:
        return ""
    sides = (
        (row["reference"], row["reference_value"], row["reference_trainings"]),
        (row["run"], row["value"], row["trainings"]),
    )
    return ", ".join(
        f"{letter} {_value(metric, value)}" + (f" (mean of {int(n)})" if n > 1 else "")
        for letter, value, n in sides
    )


def _value(metric: Deciding, value: float) -> str:
    return f"{wording.percent(value)} %" if metric.percent else wording.decimal(value)


def _common(row: Row) -> str:
    own, theirs, both = (int(row[one]) for one in ("reference_groups", "groups", "common_groups"))
    if row["pairing"] in (SAME, PAIRED):
        return f"paired, {wording.plural(both, 'test group')}"
    if row["pairing"] == UNPAIRED:
        return f"unpaired: {own} and {theirs} test groups, none in common"
    return f"partly paired: {both} test groups in common of {own} and {theirs}"


def write_about(comparison: Comparison, folder: Path) -> None:
    """Write `compare.json`: which runs each letter stands for, and the command."""
    about = {
        "command": comparison.command,
        "runs": {run["letter"]: run["names"] for run in comparison.runs},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compare.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
