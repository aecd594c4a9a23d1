"""Decide from features and pixels whether two overlapping pictures show the same.

The limits were set on copies of 60 radiographs of each usual kind (`everyday`), and on pairs of
strangers among 1129 real and 260 drawn radiographs, plots on the same axes, filled-in forms, and
digits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.lookalikes.agreement import Agreement

# Support: the share of features that agree. In 19 of 20 copies it is 0.25 or more, in all pairs of
# strangers without a common template 0.23 or less. Pixels have to make up for what it lacks, and
# more so where both pictures show the same area: drawn bones of one outline score up to 0.79 with a
# support of 0.12, filled-in forms up to 0.87 with 0.18 and 0.82 with 0.37.
LEAST_SUPPORT = 0.1
_SUPPORTS, _SCORES = (0.1, 0.3), (0.86, 0.56)  # score that the least and much support demand
_WHOLE_SUPPORTS, _WHOLE_SCORES = (0.38, 0.5), (0.88, 0.56)
_LEAST_ALIKE = 0.6  # of the blocks
_WHOLE = 0.75  # share of either picture from which both show the same area
_FEW = 12  # features that agree, as they may by chance
SIMPLE, SIMPLE_SCORE = 20, 0.96  # features of a picture; different digits score up to 0.95
EVERYWHERE = 0.65  # support that neither a template nor a frame has

# Median correlation of the blocks of a marked copy, by its support.
_MARKED_SUPPORTS, _MARKED_SAME = (0.15, 0.2), (0.92, 0.85)
_HARDLY_MARKED_SUPPORT = 0.12

Motion = NDArray[np.float64]  # (3, 3), points as (x, y, 1) in pixels


@dataclass(frozen=True)
class Part:
    """How two pictures overlap.

    `motion` maps pixels of a to pixels of b; `features` agree on it, and `support`, 0..1, is their
    share of those in the overlap. `shares` is the shared area as a share of a and of b. `framed` if
    they share a frame, but not what it holds; `simple` if either has hardly any features.
    """

    motion: Motion
    features: int
    support: float
    shares: tuple[float, float]
    agreement: Agreement
    framed: bool = False
    simple: bool = False

    @property
    def is_copy(self) -> bool:
        """Whether the two pictures show the same, at least in part."""
        if self.framed or (self.agreement.is_template and self.support < EVERYWHERE):
            return False
        if self.simple:
            return self.agreement.score >= SIMPLE_SCORE
        return self._agrees or (self.features >= _FEW and self._is_marked)

    @property
    def _agrees(self) -> bool:
        same_area = min(self.shares) > _WHOLE
        limits = (_WHOLE_SUPPORTS, _WHOLE_SCORES) if same_area else (_SUPPORTS, _SCORES)
        needed = _SCORES[0] if self.features < _FEW else np.interp(self.support, *limits)
        return bool(self.agreement.score >= needed and self.agreement.alike >= _LEAST_ALIKE)

    @property
    def _is_marked(self) -> bool:
        """Whether all that differs are arrows, text or the like on one of the two."""
        if self.agreement.is_hardly_marked:
            return self.support >= _HARDLY_MARKED_SUPPORT
        same = float(np.interp(self.support, _MARKED_SUPPORTS, _MARKED_SAME))
        return self.support >= _MARKED_SUPPORTS[0] and self.agreement.is_marked(same)
