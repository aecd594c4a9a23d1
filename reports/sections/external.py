"""External test sets: champions on images of another source, beside their own test part."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from reports import wording
from reports.derived.external import ALL, CLASS, CLASS_MIX, FARTHER, NEW, UNLIKE
from reports.metrics import METRICS, SCALED
from reports.run import Row, Run, cell_key, records
from reports.sections.section import of_run
from reports.statistics import Interval
from reports.statistics.multiplicity import LEVEL

_SHOWN = ("accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece_scaled", "log_loss_scaled")
_MOST_CLASSES = 30


@dataclass(frozen=True)
class Line:
    """A metric: internal, and on each subset value, interval and difference from internal."""

    name: str
    internal: tuple[str, str]
    figures: list[tuple[str, str, str, bool]]


@dataclass(frozen=True)
class ClassLine:
    name: str
    internal: str
    external: str


@dataclass(frozen=True)
class Entry:
    """One champion on one test set."""

    title: str
    anchor: str
    conclusion: str
    remarks: list[str]
    subsets: list[str]
    lines: list[Line]
    classes: list[ClassLine]
    drift: list[str]


@dataclass(frozen=True)
class Set:
    name: str
    entries: list[Entry]


def external_of(run: Run) -> list[Set] | None:
    """The test sets in the table `external_metrics`; None without any."""
    metrics = run.tables["external_metrics"]
    found = [
        Set(str(name), [entry for cell in run.cells if (entry := _entry(run, str(name), cell))])
        for name in sorted(metrics["test_set"].unique())
    ]
    return found or None


def _own(run: Run, table: str, name: str, cell: Row) -> list[Row]:
    rows = records(run.tables[table][run.tables[table]["test_set"] == name])
    return [row for row in rows if cell_key(row) == cell["key"]]


def _entry(run: Run, name: str, cell: Row) -> Entry | None:
    rows = _own(run, "external_metrics", name, cell)
    if not rows:
        return None
    subsets = [one for one in (ALL, NEW) if any(row["subset"] == one for row in rows)]
    by_name = {(row["metric"], row["subset"]): row for row in rows}
    drift = _own(run, "drift", name, cell)
    return Entry(
        title=f"{cell['backbone']}, {wording.recipe(cell)}, split {cell['split_policy']}, "
        f"{wording.scenario(cell['scenario'])}",
        anchor=cell["anchor"],
        conclusion=_conclusion(name, by_name, subsets[-1]),
        remarks=list(_remarks(run, name, cell)),
        subsets=[_subset(by_name["accuracy", one]) for one in subsets],
        lines=[
            _line(metric, [by_name[metric, one] for one in subsets])
            for metric in _SHOWN
            if by_name[metric, ALL]["value"] is not None
        ],
        classes=[
            ClassLine(
                str(row["class"]),
                wording.percent(row["internal"], 0),
                wording.percent(row["external"], 0),
            )
            for row in drift
            if row["kind"] == CLASS
        ][:_MOST_CLASSES],
        drift=list(_drift({row["kind"]: row for row in drift})),
    )


def _subset(row: Row) -> str:
    what = "all" if row["subset"] == ALL else "without copies of training images"
    return f"{what}, {wording.plural(row['rows'], 'image')}"


def _conclusion(name: str, rows: dict[tuple[str, str], Row], subset: str) -> str:
    row, confidence = rows["accuracy", subset], rows["confidence_scaled", subset]
    where = " without copies of training images" if subset == NEW else ""
    text = (
        f"On {name}{where} the accuracy is {wording.percent(row['value'])} % (95 % CI "
        f"{wording.percent_range(Interval(row['low'], row['high']))}), on its own test part "
        f"{wording.percent(row['internal'])} %"
    )
    if row["difference"] is not None:
        ends = Interval(row["difference_low"], row["difference_high"])
        verdict = "significant" if row["p"] < LEVEL else "not significant"
        difference = wording.points(row["difference"])
        text += f": {difference} points ({wording.points_range(ends)}, {verdict})"
    return (
        f"{text}. Its calibrated confidence is {wording.percent(confidence['value'])} % on average."
    )


def _line(metric: str, rows: list[Row]) -> Line:
    titles = {one.name: (one.title, one.percent) for one in METRICS}
    titles |= {f"{one.name}_scaled": (f"{one.title}, calibrated", one.percent) for one in SCALED}
    title, percent = titles[metric]
    first = rows[0]
    return Line(
        name=title,
        internal=_figure(first, "internal", "internal_low", "internal_high", percent),
        figures=[
            (*_figure(row, "value", "low", "high", percent), *_difference(row, percent))
            for row in rows
        ],
    )


def _figure(row: Row, value: str, low: str, high: str, percent: bool) -> tuple[str, str]:
    interval = Interval(row[low], row[high]) if row[low] is not None else None
    if percent:
        return wording.percent(row[value]), wording.percent_range(interval) if interval else ""
    return wording.decimal(row[value]), wording.decimal_range(interval) if interval else ""


def _difference(row: Row, percent: bool) -> tuple[str, bool]:
    if row["difference"] is None:
        return "", False
    ends = Interval(row["difference_low"], row["difference_high"])
    if percent:
        text = f"{wording.points(row['difference'])} ({wording.points_range(ends)})"
    else:
        text = f"{row['difference']:+.3f} ({ends.low:+.3f} to {ends.high:+.3f})"
    return text.replace("-", wording.MINUS), bool(row["p"] < LEVEL)


def _remarks(run: Run, name: str, cell: Row) -> list[str]:
    """What was left out, and what the network has seen."""
    classes = _own(run, "test_sets", name, cell)
    found = []
    seen = pd.DataFrame(_own(run, "external", name, cell))
    copies = seen[seen["known"].astype(bool)]["known_part"].value_counts()
    trained = sum(int(copies.get(part, 0)) for part in ("train", "val"))
    if trained:
        found.append(
            f"{wording.plural(trained, 'image')} of {wording.count(len(seen))} "
            f"{'is a copy or near-copy' if trained == 1 else 'are copies or near-copies'} of "
            "training or validation images"
        )
    if tested := int(copies.get("test", 0)):
        found.append(f"{wording.plural(tested, 'image')} of its own test part")
    for status, text in (
        ("unknown", "left out, as the network does not know the class: {}"),
        ("missing", "not tested, as there are no images: {}"),
    ):
        rows = [row for row in classes if row["status"] == status]
        listed = wording.listed(
            f"{row['class']} ({row['images']})" if row["images"] else str(row["class"])
            for row in rows[:_MOST_CLASSES]
        )
        if rows:
            found.append(text.format(listed))
    for row in classes:
        if row["status"] == "unreadable":
            found.append(f"{wording.plural(row['images'], 'file')} could not be read")
    return found


def _drift(rows: dict[str, Row]) -> list[str]:
    found = []
    if mix := rows.get(CLASS_MIX):
        found.append(
            f"Class shares differ by {wording.percent(mix['external'], 0)} % of the images (total "
            f"variation), p = {wording.p_value(mix['p'])}."
        )
    if unlike := rows.get(UNLIKE):
        found.append(
            "Unlike all training images by their features: "
            f"{wording.percent(unlike['external'], 0)} % of these images, "
            f"{wording.percent(unlike['internal'], 0)} % of the own test images."
        )
    if farther := rows.get(FARTHER):
        found.append(
            f"An image of this set is farther from the training images than an own test image with "
            f"probability {wording.decimal(farther['external'], 2)} (0.50: no drift; p = "
            f"{wording.p_value(farther['p'])})."
        )
    return found


SECTION = of_run(
    "external",
    "External test sets",
    "external.html.j2",
    external_of,
    "An external result answers whether the network works elsewhere. Judge it by the figure "
    "without copies of training images. A lower accuracy under another mixture of classes may be "
    "the mixture alone; compare the balanced accuracy.",
)
