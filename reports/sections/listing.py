"""All cells as one flat table, one line each, to sort, filter and compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reports import wording
from reports.axes import AXES, configuration_name
from reports.metrics import METRICS
from reports.run import CellKey, Row, Run, interval_of, optimism_of, training_of
from reports.sections.section import Section, Shown
from reports.statistics import Interval
from reports.statistics.multiplicity import conclusion
from reports.vintages import vintages

_Naming = Callable[[Any], str]

_BEFORE = ("backbone",)  # the name of every line
_HEADINGS = {"split_policy": "split", "seed": "seed"}  # shorter than the axis's title

# Column of `cells` -> its heading and how its values are named.
_FACTORS: dict[str, tuple[str, _Naming]] = {
    **{
        axis.name: (_HEADINGS.get(axis.name, axis.title), axis.text)
        for axis in sorted(AXES, key=lambda axis: axis.name not in _BEFORE)
    },
    "weights": ("weights", lambda name: "random" if name == "none" else str(name)),
    "state": ("state", str),
}
_LISTED = tuple(metric for metric in METRICS if metric.listed)
_STATES = ("done", "failed", "missing")


@dataclass(frozen=True)
class Filter:
    """One factor with more than one value; `options`: value and number of cells."""

    name: str
    options: list[tuple[str, str]]


@dataclass(frozen=True)
class Entry:
    """One cell's line."""

    anchor: str
    number: str
    in_full: bool
    state: str
    choices: str  # the position of each factor's value among its filter's options
    factors: list[str]
    accuracy: str
    interval: str
    val_accuracy: str
    optimism: str
    metrics: list[str]  # those that `Listing.metrics` names
    trials: str
    time: str
    seconds: str
    note: str  # why there is no result
    best: str  # anchor of the cell that validation chose among its rivals, if measured against it
    against: str  # that one minus this one, in words


@dataclass(frozen=True)
class Listing:
    filters: list[Filter]
    headings: list[str]  # of the factors
    metrics: list[str]  # headings of the metrics beside accuracy
    entries: list[Entry]
    counts: str
    left_out: str  # how many are not shown in full, and where their numbers are
    vintages: str  # what the backbones' weights were trained on


def listing_of(run: Run, in_full: set[str]) -> Listing:
    """One line for every planned cell; `in_full`: the anchors of those that have an entry below."""
    values = {name: _values(run, name) for name in _FACTORS}
    measured = _measured(run)
    several = [name for name in _FACTORS if len(values[name]) > 1]
    shown = [name for name in _FACTORS if name == "backbone" or name in several]
    shown = [name for name in shown if name != "state"]
    return Listing(
        filters=[_filter(run, name, values[name]) for name in several],
        headings=[_FACTORS[name][0] for name in shown],
        metrics=[metric.title for metric in _LISTED],
        entries=[
            _entry(
                row,
                [_FACTORS[name][1](row[name]) for name in shown],
                choices,
                in_full,
                measured.get(row["key"], ("", "")),
            )
            for row in run.cells
            for choices in [" ".join(str(values[name].index(row[name])) for name in several)]
        ],
        counts=_counts(run),
        left_out=_left_out(len(run.cells), len(in_full)),
        vintages=vintages(run),
    )


def _values(run: Run, name: str) -> list[Any]:
    """The factor's values, in the order in which the page has them."""
    orders = {
        "split_policy": run.policies,
        "scenario": run.scenarios,
        "backbone": run.backbones,
        "augmentation": run.augmentations,
        "state": [state for state in _STATES if any(row["state"] == state for row in run.cells)],
    }
    return orders[name] if name in orders else sorted({row[name] for row in run.cells})


def _filter(run: Run, name: str, values: list[Any]) -> Filter:
    numbers = Counter(row[name] for row in run.cells)
    heading, naming = _FACTORS[name]
    return Filter(heading, [(naming(value), wording.count(numbers[value])) for value in values])


def _entry(
    row: Row, factors: list[str], choices: str, in_full: set[str], measured: tuple[str, str]
) -> Entry:
    stopped = f" ({wording.count(row['stopped'])} stopped)" if row["stopped"] else ""
    return Entry(
        anchor=row["anchor"],
        number=row["anchor"].removeprefix("cell-"),
        in_full=row["anchor"] in in_full,
        state=row["state"],
        choices=choices,
        factors=factors,
        accuracy=wording.percent(row["accuracy"]),
        interval=wording.percent_range(interval_of(row)),
        val_accuracy=wording.percent(row["val_accuracy"]),
        optimism=wording.points(optimism_of(row)),
        metrics=[wording.metric(metric, row[metric.name]) for metric in _LISTED],
        trials=f"{wording.count(row['trials'] or 0)}{stopped}",
        time=wording.seconds(row["train_s"]),
        seconds="" if row["train_s"] is None else f"{row['train_s']:.1f}",
        note=_last_line(row["error"] or ""),
        best=measured[0],
        against=measured[1],
    )


def _measured(run: Run) -> dict[CellKey, tuple[str, str]]:
    """By cell: the anchor of the one it was compared with in `comparisons`, and what came out."""
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in run.cells:
        block = row["split_policy"], row["scenario"], configuration_name(row)
        cells.setdefault(block, []).append(row)
    found: dict[CellKey, tuple[str, str]] = {}
    for one in run.measured("comparisons"):
        family = one["split_policy"], one["scenario"]
        best = {training_of(row): row["anchor"] for row in cells.get((*family, one["best"]), [])}
        for row in cells.get((*family, one["other"]), []):
            if anchor := best.get(training_of(row)):
                found[row["key"]] = anchor, _difference(one)
    return found


def _difference(one: Row) -> str:
    means = "" if one["seed"] is not None else "means over several trainings, "
    interval = Interval(one["low"], one["high"])
    found = conclusion(one["p"], one["p_holm"])
    return (
        f"{wording.points(one['difference'])} points, 95 % interval "
        f"{wording.points_range(interval)}, "
        f"p {wording.p_value(one['p_holm'])} after Holm: {found.words} ({means}{one['method']})"
    )


def _last_line(error: str) -> str:
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _counts(run: Run) -> str:
    states = Counter(row["state"] for row in run.cells)
    stopped = sum(int(row["stopped"] or 0) for row in run.cells)
    parts = [f"{wording.count(states[state])} {state}" for state in _STATES]
    return f"{', '.join(parts)}; {wording.plural(stopped, 'trial')} stopped early"


def _left_out(planned: int, in_full: int) -> str:
    if in_full >= planned:
        return ""
    return (
        f"{wording.count(in_full)} of {wording.count(planned)} cells are shown in full below: "
        "those without a result, then the best on validation in every split policy and scenario, "
        "then the second best, and so on up to a page size of five megabytes. The results of the "
        "others are in this table and in cells.parquet, trials.parquet, curves.parquet and "
        "confusion.parquet."
    )


def _listed(shown: Shown) -> Listing:
    return listing_of(shown.run, {row["anchor"] for row in shown.in_full.cells})


SECTION = Section(
    "all",
    "All cells",
    "listing.html.j2",
    _listed,
    "Every planned cell has its line, also those that failed. Sort by validation, not by test "
    "accuracy, to see what could have been chosen fairly.",
    by_cells=True,
)
