"""The effect of a choice: a difference averaged over the cells that agree in everything else.

Cells that differ in seed, repeat and fold only are averaged within a match, each with the cells of
its own training. A fine-tuned network starts from the transfer champion, so matches that differ
only in the strategy share a training: they are averaged into one block before the spread of the
blocks is computed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from reports.axes import FACTORS, TRAININGS
from reports.statistics.blocks import Blocks
from reports.statistics.bootstrap import error_of, error_of_mean
from reports.statistics.intervals import Error, Interval, difference_of, p_value
from reports.statistics.training import (
    IMAGES,
    LEAST_DEGREES,
    TRAINED,
    Spread,
    Trainings,
    with_training,
)

SHARES_TRAINING = "strategy"
"""Cells that differ in this column only share luck: one's training starts from the other's."""

Weights = Mapping[object, float]
Key = tuple[object, ...]
Levels = dict[Key, list[int]]  # levels of the factors -> positions of the cells


@dataclass(frozen=True)
class Contrast:
    """For each block of matches, which cells are added and which are taken off: (blocks, cells)."""

    coefficients: np.ndarray
    matches: pd.DataFrame  # the factors that all cells of a match share

    @property
    def pairs(self) -> int:
        return len(self.matches)

    def per_block(self, values: np.ndarray) -> np.ndarray:
        """(..., cells) -> (..., blocks). Cells that are in no match may be NaN."""
        used = np.any(self.coefficients != 0, axis=0)
        return np.asarray(values[..., used] @ self.coefficients[:, used].T)


@dataclass(frozen=True)
class Estimate:
    """The mean of a contrast over its blocks. `p`: None where it was not tested, as trainings are
    too few."""

    mean: float
    interval: Interval | None
    p: float | None
    pairs: int
    covers: str  # images | images+trainings


def against(level: object, levels: Sequence[object]) -> dict[object, float]:
    """`level` minus the mean of the other levels."""
    others = [one for one in levels if one != level]
    return {level: 1.0, **dict.fromkeys(others, -1 / len(others))}


def contrast(cells: pd.DataFrame, factors: Mapping[str, Weights]) -> Contrast:
    """The matches among `cells` (all done) that have every combination of the levels in `factors`.

    Args:
        factors: name -> level -> weight; of several factors the weights are multiplied, which
            makes their interaction.
    """
    dropped = {*factors, *(["weights"] if "backbone" in factors else [])}  # a backbone brings them
    shared = [name for name in FACTORS if name not in dropped]
    found: dict[Key, dict[Key, Levels]] = {}
    keys = [_keys(cells, names) for names in (shared, TRAININGS, list(factors))]
    for position, (match, repeat, level) in enumerate(zip(*keys, strict=True)):
        found.setdefault(match, {}).setdefault(repeat, {}).setdefault(level, []).append(position)
    blocks: dict[Key, list[np.ndarray]] = {}
    matches = []
    for match in sorted(found, key=str):
        tried = [_row(one, factors, len(cells)) for one in found[match].values()]
        complete = [row for row in tried if row is not None]
        if complete:
            pairs = zip(shared, match, strict=True)
            block = tuple(value for name, value in pairs if name != SHARES_TRAINING)
            blocks.setdefault(block, []).append(np.mean(complete, axis=0))
            matches.append(match)
    rows = [np.mean(own, axis=0) for own in blocks.values()]
    coefficients = np.array(rows).reshape(len(rows), len(cells))
    return Contrast(coefficients, pd.DataFrame(matches, columns=shared))


@dataclass(frozen=True)
class Evidence:
    """The evidence on the spread between trainings: blocks of the whole run, and several trainings
    of each configuration; None if there are none."""

    blocks: Blocks | None = None
    trainings: Trainings | None = None


def estimate(
    one: Contrast,
    values: np.ndarray,
    draws: np.ndarray | None,
    groups: int,
    evidence: Evidence = Evidence(),
    span: float = 1.0,
) -> Estimate:
    """The mean over the blocks. Its error covers the test groups drawn, the same in all cells, and
    the trainings: the spread of the blocks beyond the test groups, here or in the whole run, or the
    spread of several trainings of each configuration, whichever is largest.

    Args:
        values: a metric of each cell, (cells,).
        draws: the same with the groups resampled, (draws, cells); None makes no interval.
        groups: how many were resampled.
        span: the width of the metric's range.
    """
    if not one.pairs:
        return Estimate(math.nan, None, None, 0, IMAGES)
    own = one.per_block(values)
    mean = float(own.mean())
    resampled = one.per_block(draws) if draws is not None else np.array([math.nan])
    if np.isnan(resampled).any():
        return Estimate(mean, None, None, one.pairs, IMAGES)
    images = error_of(resampled.mean(axis=1), groups)
    found = _with_luck(one, own, resampled, images, groups, evidence)
    if found is None:
        return Estimate(mean, difference_of(mean, images, span), None, one.pairs, IMAGES)
    interval = difference_of(mean, found, span)
    return Estimate(mean, interval, p_value(mean, found), one.pairs, TRAINED)


def _with_luck(
    one: Contrast,
    own: np.ndarray,
    resampled: np.ndarray,
    images: Error,
    groups: int,
    evidence: Evidence,
) -> Error | None:
    """The largest of the errors that the evidence yields."""
    coefficients, found = one.coefficients.mean(axis=0), []
    if len(own) > LEAST_DEGREES["blocks"]:
        found.append(error_of_mean(own, resampled + (own - resampled.mean(axis=0)), groups))
        # a spread that few blocks happen to show small is not taken for none: Student's own test
        found.append(Error(math.sqrt(own.var(ddof=1) / len(own)), len(own) - 1))
    blocks = evidence.blocks
    if blocks is not None and (weight := blocks.weight(coefficients)) > 0:
        spread = Spread(blocks.apart, blocks.by_chance, blocks.degrees, "blocks")
        found.append(with_training(images, spread, weight))
    if evidence.trainings is not None:
        several = evidence.trainings.error(images, coefficients)
        found += [several] if several else []
    mean = float(own.mean())
    return max(found, key=lambda error: p_value(mean, error), default=None)


def _keys(cells: pd.DataFrame, names: Sequence[str]) -> list[Key]:
    if not names:
        return [()] * len(cells)
    return list(zip(*(cells[name].tolist() for name in names), strict=True))


def _row(cells: Levels, factors: Mapping[str, Weights], width: int) -> np.ndarray | None:
    """The coefficients of one training; None if a combination of levels is not there."""
    row = np.zeros(width)
    for levels in product(*(weights.items() for weights in factors.values())):
        own = cells.get(tuple(level for level, _ in levels))
        if own is None:
            return None
        row[own] += math.prod(weight for _, weight in levels) / len(own)
    return row
