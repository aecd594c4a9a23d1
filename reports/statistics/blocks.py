"""The spread of blocks of cells, beyond what their choices and the test images explain.

A block is a set of cells that share a training: a configuration's cells under all strategies. With
one training per cell, nothing else separates training randomness from an effect. The spread of a
single choice's matches rests on few of them; the residuals of an additive model of all choices rest
on more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

LEAST_DEGREES = 3


@dataclass(frozen=True)
class Blocks:
    """The variance between blocks' means."""

    block: np.ndarray  # (cells,) int
    apart: float  # as observed
    by_chance: float  # the part due to test images alone
    degrees: int

    def weight(self, coefficients: np.ndarray) -> float:
        """What the variance counts in the sum of `coefficients` (cells,) times the metric."""
        return float((np.bincount(self.block, coefficients) ** 2).sum())


def blocks_of(
    cells: pd.DataFrame,
    factors: Sequence[str],
    within: str,
    values: np.ndarray,
    draws: np.ndarray,
    groups: int,
) -> Blocks | None:
    """The residuals of an additive model of `factors` over the blocks, cells of which differ in the
    column `within` and in their training only. None where they leave too few degrees of freedom.

    Args:
        values: a metric of each cell, (cells,).
        draws: the same with the groups resampled, (draws, cells).
        groups: how many were resampled.
    """
    names = [name for name in factors if name != within]
    block = cells.groupby(names, sort=False, dropna=False).ngroup().to_numpy()
    if np.isnan(draws).any():
        return None
    complete = cells.groupby(block)[within].nunique().to_numpy() == cells[within].nunique()
    counts = np.bincount(block)
    mean = (np.eye(len(counts))[block] / counts[block][:, None])[:, complete]  # (cells, blocks)
    first = [int(np.flatnonzero(block == number)[0]) for number in np.flatnonzero(complete)]
    levels = pd.get_dummies(cells.iloc[first][names].astype(str)).to_numpy(dtype=float)
    design = np.hstack([np.ones((len(first), 1)), levels])
    degrees = len(first) - int(np.linalg.matrix_rank(design))
    if degrees < LEAST_DEGREES:
        return None
    residual = np.eye(len(first)) - design @ np.linalg.pinv(design)
    own, moved = ((one @ mean @ residual) ** 2 for one in (values, draws - values))
    chance = float(moved.sum(axis=1).mean()) * groups / max(1, groups - 1)
    return Blocks(block, float(own.sum()) / degrees, chance / degrees, degrees)
