"""The ranking of a run that only probes backbones: which few are worth fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass

from reports import wording
from reports.budgets import needed_together_s
from reports.run import Run
from reports.screening import AT_MOST, Ranked, Screening, screening_of
from reports.sections.section import of_run
from reports.vintages import vintage_of


@dataclass(frozen=True)
class Line:
    """One backbone."""

    rank: int
    backbone: str
    vintage: str  # of its weights
    probe: str
    anchor: str
    accuracy: str
    interval: str
    difference: str  # to the best, in points; empty for the best
    difference_interval: str
    gmacs: str
    time: str
    proposed: bool
    note: str


@dataclass(frozen=True)
class Shown:
    """The table, what follows from it, and the command to go on with."""

    lines: list[Line]
    sentence: str
    command: str


def shown_of(run: Run) -> Shown | None:
    """None unless the run only probes several backbones."""
    found = screening_of(run)
    if found is None:
        return None
    lines = [_line(run, found, number, one) for number, one in enumerate(found.ranked, 1)]
    return Shown(lines, proposal_of(found), found.command)


def proposal_of(found: Screening) -> str:
    """The proposal in one or two sentences."""
    names = wording.listed(one.backbone for one in found.proposed)
    open_ones = [one for one in found.ranked if not one.is_ruled_out]
    text = f"Worth fine-tuning, cheapest first: {names}."
    if len(open_ones) > len(found.proposed):
        text += (
            f" {len(open_ones)} of {len(found.ranked)} backbones are not significantly behind the "
            f"best; of these, the best and the cheapest others are proposed, {AT_MOST} at most."
        )
    if found.missing:
        text += f" Without a result: {wording.listed(found.missing)}."
    return text


def _line(run: Run, found: Screening, number: int, one: Ranked) -> Line:
    first = one.rows[0]
    proposed = any(other.backbone == one.backbone for other in found.proposed)
    return Line(
        rank=number,
        backbone=one.backbone,
        vintage=vintage_of(run, one.backbone),
        probe=wording.recipe(first),
        anchor=first["anchor"],
        accuracy=wording.percent(one.repeats.mean),
        interval=wording.percent_range(one.repeats.interval),
        difference="" if one.difference is None else wording.points(one.difference),
        difference_interval=wording.points_range(one.interval) if one.interval else "",
        gmacs=wording.decimal(one.gmacs, 2),
        time=wording.seconds(needed_together_s(run, one.rows)),
        proposed=proposed,
        note=_note(found, one),
    )


def _note(found: Screening, one: Ranked) -> str:
    if one.backbone == found.best.best["backbone"]:
        return "best on validation"
    return "significantly behind" if one.is_ruled_out else "not significantly behind"


SECTION = of_run(
    "screening",
    "Screening",
    "screening.html.j2",
    shown_of,
    "Simple classifiers on each backbone's frozen features: a backbone that is significantly "
    "behind the best is ruled out, and the others are candidates for fine-tuning.",
)
