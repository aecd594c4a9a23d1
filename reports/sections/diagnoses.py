"""Each class of the headlines: sensitivity, specificity and predictive values, as predicted and at
the operating point, and the list of misclassified images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reports import wording
from reports.derived.operating_points import AT_THRESHOLD, PREDICTED
from reports.diagnoses import ClassLine, Diagnoses, Figure, WrongImage, diagnoses, wrong_images
from reports.headline import Headline
from reports.run import Run, records
from reports.sections.section import of_run
from reports.statistics.intervals import Interval
from reports.statistics.planning import groups_needed
from reports.statistics.training import IMAGES

_MOST_WRONG = 150  # of one headline
_MOST_SHOWN = 4  # headlines
_TITLES = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "ppv_at_prevalence": "adjusted PPV",
    "npv_at_prevalence": "adjusted NPV",
}


@dataclass(frozen=True)
class Line:
    name: str
    images: str
    threshold: str  # empty as predicted, and over several trainings
    figures: list[tuple[str, str]]  # percent and interval, for each heading
    needed: str  # images of the class


@dataclass(frozen=True)
class Table:
    title: str
    has_threshold: bool
    lines: list[Line]


@dataclass(frozen=True)
class Wrong:
    path: str
    label: str
    predicted: str
    confidence: str
    of_label: str
    remark: str


@dataclass(frozen=True)
class Entry:
    """One headline."""

    title: str
    name: str
    anchor: str
    headings: list[str]
    tables: list[Table]
    scope: str
    needed: str  # a sentence on the accuracy, or empty
    wrong: list[Wrong]
    wrong_all: int
    wrong_of: int


@dataclass(frozen=True)
class Content:
    entries: list[Entry]
    more: int
    rule: str
    prevalence: str


def diagnoses_of(run: Run) -> Content | None:
    """Under the most trustworthy split policy that has a headline; None without predictions."""
    found = list(diagnoses(run))
    if not found:
        return None
    own = [one for one in found if one.headline.policy == found[0].headline.policy]
    return Content(
        entries=[_entry(run, one) for one in own[:_MOST_SHOWN]],
        more=len(own[_MOST_SHOWN:]),
        rule=run.info.get("operating_point", ""),
        prevalence=_stated(found[0].prevalence),
    )


def _stated(prevalence: Mapping[str, float]) -> str:
    return wording.listed(f"{name} {100 * share:g} %" for name, share in prevalence.items())


def _entry(run: Run, one: Diagnoses) -> Entry:
    best, wrong = one.headline.best, wrong_images(run, one.headline)
    done = [row for row in one.headline.rows if row["state"] == "done"]
    return Entry(
        title=f"{wording.scenario(one.headline.scenario)}, {one.headline.policy} split",
        name=f"{best['backbone']}, {wording.recipe(best)}",
        anchor=best["anchor"],
        headings=[_TITLES[name] for name in one.metrics],
        tables=[_table(one, point) for point in (AT_THRESHOLD, PREDICTED)],
        scope=wording.interval_scope({one.covers_trainings}),
        needed=_needed(run, one.headline),
        wrong=[_wrong(run, image) for image in wrong[:_MOST_WRONG]],
        wrong_all=len(wrong),
        wrong_of=sum(int(row["n_test"]) for row in done),
    )


def _table(one: Diagnoses, point: str) -> Table:
    lines = [_line(line, one.metrics) for line in one.lines[point]]
    title = "At the operating point" if point == AT_THRESHOLD else "As predicted"
    return Table(title, any(line.threshold for line in lines), lines)


def _line(line: ClassLine, metrics: tuple[str, ...]) -> Line:
    nothing = Figure(None, None, 0, None)
    figures = [line.figures.get(name, nothing) for name in metrics]
    own = line.figures.get("sensitivity", nothing)
    return Line(
        name=line.label,
        images=wording.count(own.groups),
        threshold="" if line.threshold is None else wording.percent(line.threshold),
        figures=[(wording.percent(one.value), _range(one.interval)) for one in figures],
        needed=wording.count(own.needed),
    )


def _range(interval: Interval | None) -> str:
    return wording.percent_range(interval) if interval else ""


def _needed(run: Run, one: Headline) -> str:
    """How many test images would narrow the accuracy's interval to +- 5 points."""
    if len(one.rows) > 1:
        return ""
    for row in records(run.tables["intervals"]):
        is_own = all(row[name] == one.best[name] for name in ("backbone", "seed", "repeat", "fold"))
        if not is_own or (row["label"], row["metric"], row["covers"]) != ("", "accuracy", IMAGES):
            continue
        if any(row[name] != one.best[name] for name in _PLACE):
            continue
        interval = Interval(row["low"], row["high"])
        needed = groups_needed(row["value"], interval, int(row["units"]))
        if needed is not None:
            have = wording.plural(int(row["units"]), "independent test image")
            return (
                f"The accuracy rests on {have}; about {wording.count(needed)} would narrow its "
                "interval to ±5 points."
            )
    return ""


_PLACE = ("split_policy", "scenario", "weights", "augmentation", "strategy")


def _wrong(run: Run, image: WrongImage) -> Wrong:
    names = dict(zip(("seed", "repeat", "fold"), image.training, strict=True))
    parts = [f"copy {image.copy}"] if image.copy else []
    parts += [f"{name} {names[name]}" for name in run.repeated]
    return Wrong(
        path=image.path,
        label=image.label,
        predicted=image.predicted,
        confidence=wording.percent(image.confidence, 0),
        of_label=wording.percent(image.of_label, 0),
        remark=", ".join(parts),
    )


SECTION = of_run(
    "diagnoses",
    "Each class",
    "diagnoses.html.j2",
    diagnoses_of,
    "Read the intervals: with few test images of a class its sensitivity may be far from the "
    "value shown. Predictive values are for the class frequencies of the test set unless a "
    "prevalence is stated.",
)
