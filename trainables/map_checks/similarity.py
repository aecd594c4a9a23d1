"""How alike two attribution maps are: Spearman's rank correlation of what a reader sees of them.

Maps are averaged to 56 x 56 cells first, since single pixels of gradients are noise to the eye.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.stats import rankdata

SIDE = 56  # cells


class Ranked:
    """A map's ranks, with its sign and without, each centred and of length 1: (SIDE**2,)."""

    def __init__(self, values: np.ndarray) -> None:
        """`values`: (H, W)."""
        cells = _cells(values)
        self.signed, self.strength = _unit_ranks(cells), _unit_ranks(np.abs(cells))

    def with_sign(self, other: Ranked) -> float:
        """-1..1; 0 where one of the maps is constant."""
        return float(self.signed @ other.signed)

    def without_sign(self, other: Ranked) -> float:
        """The same of the maps' absolute values."""
        return float(self.strength @ other.strength)


def _cells(values: np.ndarray) -> np.ndarray:
    finite = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    if max(finite.shape) <= SIDE:
        return np.asarray(finite)
    return np.asarray(cv2.resize(finite, (SIDE, SIDE), interpolation=cv2.INTER_AREA))


def _unit_ranks(values: np.ndarray) -> np.ndarray:
    ranks = rankdata(values.ravel())
    ranks -= ranks.mean()
    length = float(np.linalg.norm(ranks))
    return np.asarray(ranks / length if length > 0 else ranks)
