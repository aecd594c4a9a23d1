"""Who is in the data: what is known of the images of each part, and of how many it is not."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from reports import wording
from reports.headline import used_headline
from reports.image_flow import division_text, first_division
from reports.run import Run
from reports.sections.section import of_run

_PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Line:
    """A level, and its images in each part: number and percent of those known."""

    name: str
    counts: list[tuple[str, str]]
    is_missing: bool = False


@dataclass(frozen=True)
class Known:
    """A column. `summary`: median and quartiles of a number in each part, else empty."""

    name: str
    binning: str
    summary: list[str]
    lines: list[Line]


@dataclass(frozen=True)
class Population:
    split: str
    sizes: list[str]
    columns: list[Known]


def population_of(run: Run) -> Population | None:
    """The images of the split that `predict` uses; None if nothing is known of them."""
    metadata = run.tables["metadata"]
    if metadata.empty:
        return None
    found = used_headline(run)
    policy, scenario = (
        (found.policy, found.scenario) if found else (run.policies[0], run.scenarios[0])
    )
    rows = first_division(run.tables["splits"], policy, scenario).drop_duplicates("image_id")
    part_of = dict(zip(rows["image_id"], rows["part"], strict=True))
    own = metadata.assign(part=metadata["image_id"].map(part_of)).dropna(subset=["part"])
    sizes = rows["part"].value_counts()
    return Population(
        split=f"{wording.scenario(scenario)}, {policy} split{division_text(run)}",
        sizes=[wording.count(int(sizes.get(part, 0))) for part in _PARTS],
        columns=[_column(str(name), frame) for name, frame in own.groupby("column")],
    )


def _column(name: str, frame: pd.DataFrame) -> Known:
    known = frame[frame["position"] >= 0]
    parts = [known[known["part"] == part] for part in _PARTS]
    levels = known.drop_duplicates("position").sort_values("position")
    lines = [
        Line(str(level), [_count(part, int(position)) for part in parts])
        for level, position in zip(levels["level"], levels["position"], strict=True)
    ]
    unknown = frame[frame["position"] < 0]
    if len(unknown):
        of_parts = [(part, int((unknown["part"] == part).sum())) for part in _PARTS]
        whole = [int((frame["part"] == part).sum()) for part, _ in of_parts]
        counts = [
            (wording.count(number), _share(number, all_of_it))
            for (_, number), all_of_it in zip(of_parts, whole, strict=True)
        ]
        lines.append(Line("not known", counts, is_missing=True))
    is_number = bool(known["number"].notna().any())
    return Known(
        name=name,
        binning=str(frame["binning"].iloc[0]),
        summary=[_summary(part["number"]) for part in parts] if is_number else [],
        lines=lines,
    )


def _count(part: pd.DataFrame, position: int) -> tuple[str, str]:
    number = int((part["position"] == position).sum())
    return wording.count(number), _share(number, len(part))


def _share(number: int, whole: int) -> str:
    return f"{wording.percent(number / whole, 0)} %" if whole else ""


def _summary(numbers: pd.Series) -> str:
    if numbers.empty:
        return wording.NONE
    low, middle, high = numbers.quantile([0.25, 0.5, 0.75])
    return f"{middle:.4g} ({low:.4g}{wording.DASH}{high:.4g})"


SECTION = of_run(
    "population",
    "Who is in the data",
    "population.html.j2",
    population_of,
    "Compare the parts with each other, and all of them with the people that the network is meant "
    "for. Of people who are hardly in the training part, the accuracies on this page say little.",
)
