"""The table `differences`: cells of each group of runs against the matched ones of the first group.

The unit is the test group. Where two cells tested the same rows and stand alone, the test is exact;
elsewhere all test groups are resampled at once in both, which pairs the images that both tested and
leaves the others independent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from reports.axes import AXES, FACTORS, Role
from reports.compare.by_metric import ByMetric
from reports.compare.merge import RUN
from reports.derived.tested import Tested
from reports.derived.trainings import policy_trainings, scenario_trainings
from reports.headline import preferred, validation_of
from reports.statistics.blocks import blocks_of
from reports.statistics.bootstrap import error_of
from reports.statistics.contrasts import SHARES_TRAINING, Evidence, contrast, estimate
from reports.statistics.intervals import (
    Error,
    Interval,
    clustered_share_interval,
    difference_of,
    hybrid_interval,
    p_of_interval,
    p_value,
)
from reports.statistics.multiplicity import holm
from reports.statistics.paired import compare_paired
from reports.statistics.training import IMAGES, TRAINED, Trainings

Row = dict[str, Any]
CONFIGURATION, CHOSEN, OVERALL = "configuration", "chosen", "overall"
ACCURACY = "accuracy"
_OF_ONE_MATCH = (
    "scenario",
    "reference_configuration",
    "configuration",
    "reference_trainings",
    "trainings",
    "reference_value",
    "value",
)
SAME, PAIRED, PARTLY, UNPAIRED = "same network", "paired", "partly paired", "unpaired"


@dataclass(frozen=True)
class _Side:
    """A configuration in one group: the positions of its trainings."""

    run: str
    name: str
    cells: list[int]


def difference_rows(tested: Tested, letters: Sequence[str], metric: str | None = None) -> list[Row]:
    """Each group against the first: the mean over all matched cells, the configurations that
    validation chose, and every configuration. Holm-corrected, each kind and metric as a family of
    its own.

    `metric`: compared beside the accuracy, except in the mean over all matched cells.
    """
    rows: list[Row] = []
    for policy in tested.policies():
        own = tested.of(split_policy=policy)
        rows += _overall(own, policy, letters)
        for scenario, trainings in scenario_trainings(own.with_predictions()):
            rows += _of_scenario(_Measured(scenario, trainings), letters)
            if metric:
                measured = _Measured(scenario, trainings, ByMetric(scenario, metric))
                rows += _of_scenario(measured, letters)
    kinds = (OVERALL, CHOSEN, CONFIGURATION)
    names = (ACCURACY, *([metric] if metric else []))
    rows.sort(key=lambda row: (kinds.index(row["kind"]), names.index(row["metric"])))
    for kind, name in product(kinds, names):
        family = [
            row
            for row in rows
            if (row["kind"], row["metric"]) == (kind, name) and row["p"] is not None
        ]
        for row, p in zip(family, holm([row["p"] for row in family]), strict=True):
            row |= {"p_holm": p, "family": len(family)}
    return rows


@dataclass(frozen=True)
class _Measured:
    """The cells of one scenario under one split policy, and the metric that compares them: the
    accuracy, or `by`."""

    tested: Tested
    trainings: Trainings
    by: ByMetric | None = None

    @property
    def metric(self) -> str:
        return self.by.metric if self.by else ACCURACY

    def value(self, cells: Sequence[int]) -> float | None:
        weights = _mean(self.tested, cells)
        return self.by.value(weights) if self.by else float(self.tested.values @ weights)

    def difference(self, reference: Sequence[int], other: Sequence[int]) -> Row:
        """Other minus reference."""
        if self.by is None:
            return _difference(self.tested, self.trainings, reference, other)
        several = len(reference) > 1 or len(other) > 1
        first, second = (_mean(self.tested, cells) for cells in (reference, other))
        found = self.by.difference(first, second, several)
        return {**found, "method": "groups resampled in both"}


def _of_scenario(measured: _Measured, letters: Sequence[str]) -> Iterator[Row]:
    tested = measured.tested
    sides = _sides(tested)
    chosen = {letter: _chosen(tested, list(own.values())) for letter, own in sides.items()}
    for letter in letters[1:]:
        reference, other = chosen.get(letters[0]), chosen.get(letter)
        if reference and other:
            yield _row(measured, CHOSEN, reference, other)
        for key, own in sides.get(letter, {}).items():
            if match := sides.get(letters[0], {}).get(key):
                yield _row(measured, CONFIGURATION, match, own)


def _sides(tested: Tested) -> dict[str, dict[tuple[str, ...], _Side]]:
    """By group and configuration."""
    factors = [axis.name for axis in AXES if axis.role is Role.FACTOR]
    found: dict[str, dict[tuple[str, ...], _Side]] = {}
    for position, row in enumerate(tested.records):
        key = tuple(str(row[name]) for name in factors)
        side = _Side(row[RUN], "/".join(key), [])
        found.setdefault(row[RUN], {}).setdefault(key, side).cells.append(position)
    return found


def _chosen(tested: Tested, sides: Sequence[_Side]) -> _Side | None:
    """The configuration that validation prefers."""
    own = {i: [validation_of(tested.records[k]) for k in one.cells] for i, one in enumerate(sides)}
    best = preferred(own)
    return None if best is None else sides[best]


def _row(measured: _Measured, kind: str, reference: _Side, other: _Side) -> Row:
    tested = measured.tested
    first = tested.records[reference.cells[0]]
    used = _same_divisions(tested, reference.cells, other.cells)
    return {
        "kind": kind,
        "metric": measured.metric,
        "split_policy": first["split_policy"],
        "scenario": first["scenario"],
        "reference": reference.run,
        "run": other.run,
        "reference_configuration": reference.name,
        "configuration": other.name,
        "pairs": None,
        "reference_trainings": len(used[0]),
        "trainings": len(used[1]),
        "reference_value": measured.value(used[0]),
        "value": measured.value(used[1]),
        **measured.difference(*used),
        **_overlap(tested, *used),
        "p_holm": None,
        "family": None,
    }


def _difference(
    tested: Tested, trainings: Trainings, reference: Sequence[int], other: Sequence[int]
) -> Row:
    """Other minus reference."""
    i, j = reference[0], other[0]
    first, second = tested.outcomes[i], tested.outcomes[j]
    assert first is not None
    assert second is not None
    if len(reference) == len(other) == 1 and tested.rows[i] == tested.rows[j]:
        found = compare_paired(second.correct, first.correct, second.groups)
        return {
            "difference": found.difference,
            "low": found.interval.low,
            "high": found.interval.high,
            "covers": IMAGES,
            "p": found.p,
            "method": found.method,
        }
    return _resampled(tested, trainings, reference, other)


def _resampled(
    tested: Tested, trainings: Trainings, reference: Sequence[int], other: Sequence[int]
) -> Row:
    if not _groups(tested, reference) & _groups(tested, other):
        single = len(reference) == len(other) == 1
        if single or trainings.error(Error(0.0, 1), _mean(tested, other)) is None:
            return _independent(tested, reference, other)
    coefficients = _mean(tested, other) - _mean(tested, reference)
    used = np.flatnonzero(coefficients)
    mean = float(tested.values[used] @ coefficients[used])
    groups = _groups(tested, [*reference, *other])
    images = error_of(tested.draws[:, used] @ coefficients[used], len(groups))
    several = len(reference) > 1 or len(other) > 1
    found = trainings.error(images, coefficients) if several else None
    interval = difference_of(mean, found or images)
    return {
        "difference": mean,
        "low": interval.low,
        "high": interval.high,
        "covers": TRAINED if found else IMAGES,
        "p": p_value(mean, found or images),
        "method": "groups resampled in both" + (", spread of trainings" if found else ""),
    }


def _independent(tested: Tested, reference: Sequence[int], other: Sequence[int]) -> Row:
    """No common test image: Newcombe's hybrid of the intervals of both accuracies."""
    (first, own), (second, theirs) = (_share(tested, cells) for cells in (reference, other))
    interval = hybrid_interval(second, theirs, first, own)
    return {
        "difference": second - first,
        "low": interval.low,
        "high": interval.high,
        "covers": IMAGES,
        "p": p_of_interval(second - first, interval),
        "method": "two independent sets of test groups",
    }


def _share(tested: Tested, cells: Sequence[int]) -> tuple[float, Interval]:
    """The mean accuracy of some cells, and its interval over test groups."""
    weights = _mean(tested, cells)
    value = float(tested.values @ weights)
    groups = len(_groups(tested, cells))
    error = error_of(tested.draws @ weights, groups)
    rows = len(frozenset[tuple[str, int]]().union(*(tested.rows[i] for i in cells)))
    return value, clustered_share_interval(value, error, rows, groups)


def _overall(tested: Tested, policy: str, letters: Sequence[str]) -> Iterator[Row]:
    """The mean difference over all matched cells of one split policy."""
    for letter in letters[1:]:
        own = tested.subset(tested.cells[RUN].isin([letters[0], letter]).to_numpy())
        one = contrast(own.cells, {RUN: {letter: 1.0, letters[0]: -1.0}})
        if not one.pairs:
            continue
        blocks = blocks_of(
            own.cells, [*FACTORS, RUN], SHARES_TRAINING, own.values, own.draws, own.groups
        )
        evidence = Evidence(blocks, policy_trainings(own))
        found = estimate(one, own.values, own.draws, own.groups, evidence)
        sides = [np.flatnonzero(own.cells[RUN] == name).tolist() for name in (letters[0], letter)]
        yield {
            "kind": OVERALL,
            "metric": ACCURACY,
            "split_policy": policy,
            "reference": letters[0],
            "run": letter,
            **dict.fromkeys(_OF_ONE_MATCH),
            "pairs": found.pairs,
            "difference": found.mean,
            "low": found.interval.low if found.interval else None,
            "high": found.interval.high if found.interval else None,
            "covers": found.covers,
            "p": found.p,
            "method": "mean over matched cells, groups resampled in all",
            **_overlap(own, *sides),
            "p_holm": None,
            "family": None,
        }


def _overlap(tested: Tested, reference: Sequence[int], other: Sequence[int]) -> Row:
    """How many test groups each side has, and both."""
    first, second = (_groups(tested, cells) for cells in (reference, other))
    pairing = PAIRED if first == second else PARTLY if first & second else UNPAIRED
    trained = [{tested.records[i]["champion"] for i in cells} for cells in (reference, other)]
    return {
        "reference_groups": len(first),
        "groups": len(second),
        "common_groups": len(first & second),
        "pairing": SAME if trained[0] == trained[1] else pairing,
    }


def _groups(tested: Tested, cells: Sequence[int]) -> set[int]:
    found = [one.groups for i in cells if (one := tested.outcomes[i]) is not None]
    return set(np.concatenate(found).tolist()) if found else set()


def _mean(tested: Tested, cells: Sequence[int]) -> np.ndarray:
    """(all cells,) weights of the mean over these: each division of the images counts the same."""
    divisions = [_division(tested, i) for i in cells]
    weights = np.zeros(len(tested.cells))
    for i, division in zip(cells, divisions, strict=True):
        weights[i] = 1 / len(set(divisions)) / divisions.count(division)
    return weights


def _same_divisions(
    tested: Tested, reference: Sequence[int], other: Sequence[int]
) -> tuple[list[int], list[int]]:
    """The trainings on divisions that both have; all of them where they have none in common."""
    sides = [{_division(tested, i) for i in cells} for cells in (reference, other)]
    common = sides[0] & sides[1] or sides[0] | sides[1]
    first, second = (
        [i for i in cells if _division(tested, i) in common] for cells in (reference, other)
    )
    return first, second


def _division(tested: Tested, position: int) -> tuple[int, int]:
    row = tested.records[position]
    return int(row["repeat"]), int(row["fold"])
