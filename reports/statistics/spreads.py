"""The spread of trainings of one configuration, beyond what the test images explain.

It is estimated from all configurations of a run together, in the first of three ways that has
enough degrees of freedom:

    divisions   another division of the images for each training: how far configurations move
                against each other from one division to the next (two-way residuals)
    own         the same with a single block of configurations: how far it moves itself
    seeds       several trainings on one division: how far they differ

A network and the one that its training starts from share training randomness: they are one block.
Spreads are computed on the logit scale, because trainings of a network with an accuracy of 95 %
cannot differ as much as those of one with 50 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.statistics.training import Design, Spread, Spreads


def spreads_of(
    values: np.ndarray, draws: np.ndarray, scale: np.ndarray, design: Design, groups: int
) -> Spreads:
    """Over all configurations.

    Args:
        values: a metric of each cell (n,); NaN where it does not exist.
        draws: the same with the test groups resampled in all cells at once, (draws, n).
        scale: (n,), the change of the metric for one step on the logit scale.
        groups: how many were resampled.
    """
    own, moved = values / scale, (draws - values) / scale
    found = []
    for kind in ("divisions", "own", "seeds"):
        grid = _grid(design, kind, ~np.isnan(own))
        if grid is not None:
            found.append(grid.spreads(own, moved, groups / max(1, groups - 1)))
    return Spreads(_first([one.single for one in found]), _first([one.related for one in found]))


def _first(spreads: Sequence[Spread | None]) -> Spread | None:
    """The first with enough degrees of freedom; else the first of all, for pooling."""
    known = [one for one in spreads if one is not None and one.degrees > 0]
    return next((one for one in known if one.enough), known[0] if known else None)


@dataclass(frozen=True)
class _Grid:
    """Cells in rows, each of one configuration's trainings, column by column."""

    kind: str
    places: np.ndarray  # (rows, columns, repeats) positions of cells; -1: none
    blocks: np.ndarray  # (rows,) rows whose trainings share luck have equal numbers

    @property
    def free(self) -> int:
        """Columns but one."""
        return int(self.places.shape[1]) - 1

    def spreads(self, own: np.ndarray, moved: np.ndarray, correction: float) -> Spreads:
        blocks = len(np.unique(self.blocks))
        single = {"divisions": blocks - 1, "own": 1, "seeds": blocks}[self.kind] * self.free
        related = (1 if self.kind == "own" else blocks) * self.free
        apart, chance = (self._mean_squares(self._centred(one)) for one in (own, moved))
        found = [
            Spread(float(a), float(np.nanmean(c)) * correction, degrees, self.kind)
            if a is not None and c is not None
            else None
            for a, c, degrees in zip(apart, chance, (single, related), strict=True)
        ]
        return Spreads(*found)

    def _centred(self, numbers: np.ndarray) -> np.ndarray:
        """(..., n) -> (..., rows, columns), the mean of each row taken off."""
        there = self.places >= 0
        cells = np.where(there, numbers[..., self.places], 0.0).sum(axis=-1) / there.sum(axis=-1)
        return np.asarray(cells - cells.mean(axis=-1, keepdims=True))

    def _mean_squares(self, residuals: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Variance of one training, and half that of a difference within a block: (...), or None
        where there is no pair of rows to see it in."""
        members = [np.flatnonzero(self.blocks == one) for one in np.unique(self.blocks)]
        within = sum(_squared_differences(residuals[..., own, :]) for own in members)
        pairs = sum(len(own) * (len(own) - 1) for own in members)
        rows = len(self.places)
        related = np.asarray(within / (pairs * self.free)) if pairs else None
        if self.kind != "divisions":
            return (residuals**2).sum(axis=(-2, -1)) / (rows * self.free), related
        across = rows * (rows - 1) - pairs
        if not across:
            return None, related
        return (_squared_differences(residuals) - within) / (across * self.free), related


def _grid(design: Design, kind: str, known: np.ndarray) -> _Grid | None:
    """The rows in which every column has a cell and all of them are `known`; None without any."""
    by_seed = kind == "seeds"
    columns, repeats = (design.seed, design.division) if by_seed else (design.division, design.seed)
    stratum = design.division if by_seed else np.zeros_like(design.division)
    rows, row = np.unique(
        np.stack([design.block, stratum, design.configuration]), axis=1, return_inverse=True
    )
    (number, column), (depth, repeat) = (
        (len(found), place)
        for found, place in (np.unique(one, return_inverse=True) for one in (columns, repeats))
    )
    if number < 2:
        return None
    places = np.full((rows.shape[1], number, 1 if by_seed else depth), -1)
    places[row.ravel(), column, 0 if by_seed else repeat] = np.arange(len(column))
    there = places >= 0
    full = np.all(there.any(axis=2), axis=1) & np.all(~there | known[places], axis=(1, 2))
    if not full.any():
        return None
    _, blocks = np.unique(rows[:2], axis=1, return_inverse=True)
    return _Grid(kind, places[full], blocks.ravel()[full])


def _squared_differences(numbers: np.ndarray) -> np.ndarray:
    """(..., rows, columns) -> (...): over all pairs of rows, summed over columns."""
    rows = numbers.shape[-2]
    squares = (numbers**2).sum(axis=-2)
    return np.asarray((rows * squares - numbers.sum(axis=-2) ** 2).sum(axis=-1))
