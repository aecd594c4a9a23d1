"""Each class of the headlines against the rest, and their misclassified images: what the page and
the exported tables both show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reports.axes import TRAININGS
from reports.derived.operating_points import ADJUSTED, AT_THRESHOLD, PREDICTED, SHARES
from reports.headline import Headline, headlines
from reports.run import Row, Run, cell_key, records
from reports.statistics.intervals import Interval
from reports.statistics.training import TRAINED

POINTS = (PREDICTED, AT_THRESHOLD)


@dataclass(frozen=True)
class Figure:
    """One share, 0..1."""

    value: float | None
    interval: Interval | None
    groups: int  # that it is a share of
    needed: int | None  # of them, for an interval of +- 5 points


@dataclass(frozen=True)
class ClassLine:
    """One class; `figures` by metric."""

    label: str
    threshold: float | None
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class Diagnoses:
    """One headline; `lines` by point, for each class."""

    headline: Headline
    lines: Mapping[str, list[ClassLine]]
    metrics: tuple[str, ...]  # with those at a prevalence, where one is stated
    prevalence: Mapping[str, float]
    covers_trainings: bool


@dataclass(frozen=True)
class WrongImage:
    """A misclassified test row."""

    path: str
    copy: int
    label: str
    predicted: str
    confidence: float  # the probability of the predicted class
    of_label: float  # the probability of the true class
    training: tuple[int, ...]  # its values of `TRAININGS`


def diagnoses(run: Run) -> Iterator[Diagnoses]:
    """Of every split policy and scenario that has a headline with predictions."""
    by_cell: dict[tuple[object, ...], list[Row]] = {}
    for row in records(run.tables["operating_points"]):
        by_cell.setdefault(cell_key(row), []).append(row)
    prevalence = run.info.get("prevalence", {})
    for one in headlines(run):
        done = [row for row in one.rows if row["state"] == "done"]
        mean = cell_key({**one.best, **dict.fromkeys(TRAININGS)})
        rows = by_cell.get(mean if len(done) > 1 else one.best["key"], [])
        if rows:
            stated = any(row["prevalence"] is not None for row in rows)
            metrics = (*SHARES, *ADJUSTED.values()) if stated else SHARES
            lines = {point: _lines(rows, point) for point in POINTS}
            covers = any(row["covers"] == TRAINED for row in rows)
            yield Diagnoses(one, lines, metrics, prevalence, covers)


def _lines(rows: list[Row], point: str) -> list[ClassLine]:
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        if row["point"] == point:
            by_label.setdefault(row["label"], []).append(row)
    return [
        ClassLine(label, own[0]["threshold"], {row["metric"]: _figure(row) for row in own})
        for label, own in by_label.items()
    ]


def _figure(row: Row) -> Figure:
    interval = None if row["low"] is None else Interval(row["low"], row["high"])
    needed = None if row["needed"] is None else int(row["needed"])
    return Figure(row["value"], interval, int(row["units"]), needed)


def wrong_images(run: Run, one: Headline) -> list[WrongImage]:
    """All misclassified test rows of a headline's trainings, the most confident errors first."""
    images = run.tables["images"]
    paths = dict(zip(images["image_id"], images["path"], strict=True))
    classes = run.classes(one.best["scenario"])
    number = {name: position for position, name in enumerate(classes)}
    wanted = {row["key"] for row in one.rows}
    predictions = run.tables["predictions"]
    own = predictions[
        (predictions["split_policy"] == one.policy)
        & (predictions["scenario"] == one.scenario)
        & (predictions["backbone"] == one.best["backbone"])
        & (predictions["label"] != predictions["predicted"])
    ]
    found = [
        WrongImage(
            path=paths.get(row["image_id"]) or row["image_id"],
            copy=int(row["copy"]),
            label=row["label"],
            predicted=row["predicted"],
            confidence=float(row["probabilities"][number[row["predicted"]]]),
            of_label=float(row["probabilities"][number[row["label"]]]),
            training=tuple(int(row[name]) for name in TRAININGS),
        )
        for row in records(own)
        if cell_key(row) in wanted
    ]
    return sorted(found, key=lambda image: (-image.confidence, image.path, image.copy))
