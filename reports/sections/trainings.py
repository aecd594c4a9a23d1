"""Sentences on what can be concluded from the number of trainings."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from scipy import special

from reports import wording
from reports.run import Row, Run, records
from reports.statistics.planning import (
    ASSUMED_SPREAD,
    SMALLEST_DIFFERENCE,
    resolved_by,
    trainings_needed,
)
from reports.statistics.training import IMAGES

_TO_ERROR = 2 * float(special.ndtri(0.975))  # from the width of a 95 % interval


def subject(rows: Sequence[Row]) -> str:
    """The noun for what `rows` of `comparisons` compare: 'trained network', or 'configuration'
    where they cover other trainings too."""
    return "trained network" if _of_images(rows) else "configuration"


def sentences(run: Run, policy: str, scenario: str, rows: Sequence[Row]) -> str:
    """The paragraph beside the `comparisons` of one scenario under one split policy."""
    about = _about(run, policy, scenario)
    if about is None:
        return ""
    spread = about["spread"]
    parts = [_scope(about, rows), _spread(about)]
    parts.append(_needed(ASSUMED_SPREAD if spread is None else spread, spread is None))
    if _of_images(rows):
        parts.append(_images(rows))
    return " ".join(part for part in parts if part)


def _about(run: Run, policy: str, scenario: str) -> Row | None:
    for row in records(run.tables["trainings"]):
        if (row["split_policy"], row["scenario"]) == (policy, scenario):
            return row
    return None


def _of_images(rows: Sequence[Row]) -> bool:
    return all(row["covers"] == IMAGES for row in rows)


def _scope(about: Row, rows: Sequence[Row]) -> str:
    number = int(about["trainings"])
    if number < 2:
        return (
            "Each configuration was trained once, so this compares these trained networks, not "
            "their architectures: another training may reverse a difference."
        )
    if _of_images(rows):
        return (
            f"Each configuration was trained {number} times, too few across all configurations "
            "to estimate how much trainings differ. This compares these trained networks, not "
            "their architectures."
        )
    return (
        f"Each configuration was trained {number} times. The comparison accounts for the "
        "choice of test images and for training randomness."
    )


def _spread(about: Row) -> str:
    if about["spread"] is None:
        return ""
    return (
        f"The standard deviation between trainings of one configuration is "
        f"{wording.percent(about['spread'])} points (estimated with {about['degrees']:.0f} degrees "
        "of freedom)."
    )


def _needed(spread: float, assumed: bool) -> str:
    number = trainings_needed(spread)
    basis = f", assuming a standard deviation of {wording.percent(spread, 0)} points" * assumed
    return (
        f"To detect a difference of {wording.percent(SMALLEST_DIFFERENCE, 0)} points between two "
        f"configurations with 80 % power{basis}, train each {number} times."
    )


def _images(rows: Sequence[Row]) -> str:
    error = median((row["high"] - row["low"]) / _TO_ERROR for row in rows)
    return (
        f"With these test images, a difference of {wording.percent(resolved_by(error), 0)} points "
        "between two trained networks is detected with 80 % power; smaller ones need more images."
    )
