"""Subgroups: the headlines' results by what is known of the images, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from reports import wording
from reports.derived.subgroups import LEAST_GROUPS, MISSING
from reports.headline import headline
from reports.metrics.deciding import DECIDING
from reports.run import Row, Run, records
from reports.sections.section import of_run
from reports.statistics import Interval
from reports.statistics.multiplicity import LEVEL


@dataclass(frozen=True)
class Line:
    """A subgroup; `figures`: value and interval of each metric."""

    name: str
    images: str
    figures: list[tuple[str, str]]
    note: str


@dataclass(frozen=True)
class Difference:
    """The largest gap of a column in one metric, or another one that is significant."""

    text: str
    gap: str
    interval: str
    p: str
    is_significant: bool


@dataclass(frozen=True)
class Table:
    column: str
    lines: list[Line]
    gaps: list[Difference]


@dataclass(frozen=True)
class Entry:
    """One headline."""

    title: str
    anchor: str
    metrics: list[str]
    conclusion: str
    tables: list[Table]


@dataclass(frozen=True)
class Subgroups:
    least: int
    entries: list[Entry]


def subgroups_of(run: Run) -> Subgroups | None:
    """The headlines in the tables `subgroups` and `gaps`; None without any."""
    rows, gaps = records(run.tables["subgroups"]), records(run.tables["gaps"])
    entries = [
        _entry(run, scenario, [r for r in rows if r["scenario"] == scenario], gaps)
        for scenario in run.scenarios
        if any(row["scenario"] == scenario for row in rows)
    ]
    return Subgroups(LEAST_GROUPS, entries) if entries else None


def _entry(run: Run, scenario: str, rows: list[Row], all_gaps: list[Row]) -> Entry:
    found = headline(run, rows[0]["split_policy"], scenario)
    metrics = list(dict.fromkeys(str(row["metric"]) for row in rows))
    gaps = [gap for gap in all_gaps if gap["scenario"] == scenario]
    tables = []
    for column, own in groupby(rows_by_column(rows), key=lambda row: str(row["column"])):
        lines = [
            _line(list(same), metrics)
            for _, same in groupby(own, key=lambda row: (row["position"] < 0, row["position"]))
        ]
        shown = [
            _difference(gap)
            for gap in gaps
            if gap["column"] == column and (gap["largest"] or gap["p"] < LEVEL)
        ]
        tables.append(Table(column, lines, shown))
    return Entry(
        title=f"{rows[0]['backbone']}, {wording.recipe(rows[0])}, {wording.scenario(scenario)}, "
        f"{rows[0]['split_policy']} split",
        anchor=found.best["anchor"] if found else "",
        metrics=[DECIDING[name].title for name in metrics],
        conclusion=_conclusion(gaps, metrics),
        tables=tables,
    )


def rows_by_column(rows: list[Row]) -> list[Row]:
    """Sorted by column and level, what is not known at the end."""
    return sorted(rows, key=lambda r: (r["column"], r["position"] < 0, r["position"], r["metric"]))


def _conclusion(gaps: list[Row], metrics: list[str]) -> str:
    """What the gaps of all columns together say, a sentence or two."""
    if not gaps:
        return "No two subgroups of a column are large enough to be compared."
    family = max(gap["family"] for gap in gaps)
    found = sorted((gap for gap in gaps if gap["p"] < LEVEL), key=lambda gap: gap["p"])
    pairs = wording.plural(family, "comparison")
    if not found:
        return (
            f"Among {pairs} of subgroups no difference is significant, which does not show that "
            "the subgroups are alike: the intervals say how large a difference may be."
        )
    named = [
        f"{gap['column']} {gap['level']} against {gap['other']} in {DECIDING[gap['metric']].title}"
        for gap in found[:3]
    ]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    verb = "is" if len(found) == 1 else "are"
    return (
        f"{wording.plural(len(found), 'difference')} among {pairs} of subgroups {verb} "
        f"significant: {'; '.join(named)}{more}. A difference may come from harder classes in one "
        "subgroup."
    )


def _line(rows: list[Row], metrics: list[str]) -> Line:
    first = rows[0]
    by_metric = {row["metric"]: row for row in rows}
    is_missing = first["level"] in (MISSING, None)
    images = wording.count(first["images"])
    if first["units"] < first["images"]:
        images += f" in {wording.plural(first['units'], 'group')}"
    note = "" if first["compared"] or is_missing else "small: not compared"
    return Line(
        name="not known" if is_missing else str(first["level"]),
        images=images,
        figures=[_figure(name, by_metric[name]) for name in metrics],
        note=note,
    )


def _figure(metric: str, row: Row) -> tuple[str, str]:
    interval = Interval(row["low"], row["high"]) if row["low"] is not None else None
    if DECIDING[metric].percent:
        return wording.percent(row["value"]), wording.percent_range(interval) if interval else ""
    return wording.decimal(row["value"]), wording.decimal_range(interval) if interval else ""


def _difference(gap: Row) -> Difference:
    deciding, interval = DECIDING[gap["metric"]], Interval(gap["low"], gap["high"])
    if deciding.percent:
        size, ends = wording.points(gap["gap"]), wording.points_range(interval)
        size, ends = f"{size} points", ends
    else:
        size = wording.decimal(gap["gap"])
        ends = f"{interval.low:.3f} to {interval.high:.3f}".replace("-", wording.MINUS)
    return Difference(
        text=f"{deciding.title}: {gap['level']} against {gap['other']}",
        gap=size,
        interval=ends,
        p=wording.p_value(gap["p"]),
        is_significant=gap["p"] < LEVEL,
    )


SECTION = of_run(
    "subgroups",
    "Subgroups",
    "subgroups.html.j2",
    subgroups_of,
    "Intervals of subgroups overlap more than their difference deserves: read the differences, "
    "which are corrected for looking at all pairs of all columns. A subgroup that is not in the "
    "table was not in the test images.",
)
