"""Measure how well two aligned pictures agree, as a whole and block by block."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.lookalikes.thumbnails import Contrast, Image, local_contrast

_COARSER_PX, _FINER_PX = (3.0, 5.0), (1.5, 4.0)  # blur and window of `local_contrast`
_BLOCKS, _LEAST_BLOCK_PX = 8, 10  # along the longer edge
_FLAT = 0.25
_ALIKE, _NOTHING_IN_COMMON = 0.5, 0.2
_TEMPLATE_SCORE, _THE_SAME, _ONE_SIDED = 0.85, 0.9, 0.7
_FOREIGN, _MUCH_FOREIGN = 0.04, 0.25  # copies with arrows and text have up to 0.24
# Arrows and text on a copy spoil some blocks, always in its favour; the others are the same.
_MARKED_ALIKE, _MARKED_SIDED, _MARKED_FOREIGN = 0.55, 0.75, (0.05, 0.35)
_HARDLY_MARKED_ALIKE, _HARDLY_MARKED_SAME, _HARDLY_FOREIGN = 0.83, 0.96, 0.01


@dataclass(frozen=True)
class Agreement:
    """How two aligned pictures agree.

    `score` is the mean correlation of coarser and finer detail, -1..1. Of the blocks where either
    picture has detail, `alike` is the share that correlates, `same` the median correlation, and
    `foreign` the share that has nothing in common. `sided`, 0..1, tells whether the stronger detail
    there is always of one picture: 1 for arrows on a copy, near 0 for two filled-in forms.
    """

    score: float
    alike: float = 0.0
    same: float = 0.0
    foreign: float = 1.0
    sided: float = 1.0

    @property
    def is_template(self) -> bool:
        """Whether many blocks agree, and the others differ in either picture's favour: two plots on
        the same axes, two filled-in forms."""
        limit = _FOREIGN if self.same > _THE_SAME else _MUCH_FOREIGN
        return self.score < _TEMPLATE_SCORE and self.sided < _ONE_SIDED and self.foreign > limit

    def is_marked(self, same: float) -> bool:
        """Whether all that differs are arrows or text on one picture, and the median block
        correlates by `same`."""
        least, most = _MARKED_FOREIGN
        return (
            least < self.foreign < most
            and self.sided >= _MARKED_SIDED
            and self.alike >= _MARKED_ALIKE
            and self.same >= same
        )

    @property
    def is_hardly_marked(self) -> bool:
        """Whether a few small marks on one picture are all that differs."""
        return (
            _HARDLY_FOREIGN < self.foreign < _MARKED_FOREIGN[1]
            and self.sided >= _MARKED_SIDED
            and self.alike >= _HARDLY_MARKED_ALIKE
            and self.same >= _HARDLY_MARKED_SAME
        )


def coarse(picture: Image) -> Contrast:
    """The coarser detail of a picture."""
    return local_contrast(picture, *_COARSER_PX)


def measure_agreement(a: Image, b: Image, shared: NDArray[np.bool_]) -> Agreement:
    """Compare aligned grey pictures (H, W) uint8 where they are `shared`.

    Outlines of similar bones correlate in the coarser detail but not in the finer; strong
    compression and clipping degrade the finer detail first.
    """
    coarser, finer = (
        [local_contrast(picture, *window) for picture in (a, b)]
        for window in (_COARSER_PX, _FINER_PX)
    )
    score = float(np.mean([correlation(x[shared], y[shared]) for x, y in (coarser, finer)]))
    values, excess = _blocks(coarser[0], coarser[1], shared)
    if len(values) == 0:
        return Agreement(score)
    foreign = values < _NOTHING_IN_COMMON
    return Agreement(
        score,
        float((values > _ALIKE).mean()),
        float(np.median(values)),
        float(foreign.mean()),
        float(abs(np.sign(excess[foreign]).mean())) if foreign.any() else 1.0,
    )


def correlation(x: Contrast, y: Contrast) -> float:
    """Pearson's correlation of two (N,); 0 if either is constant."""
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y / np.sqrt((x @ x) * (y @ y) + 1e-9))


def _blocks(
    x: Contrast, y: Contrast, shared: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Correlation of the blocks with detail, and how much more of it x has than y."""
    side = max(_LEAST_BLOCK_PX, max(x.shape) // _BLOCKS)
    values, excess = [], []
    for top in range(0, x.shape[0] - side + 1, side):
        for left in range(0, x.shape[1] - side + 1, side):
            block = np.s_[top : top + side, left : left + side]
            inside = shared[block]
            if inside.mean() <= 0.6:
                continue
            p, q = x[block][inside], y[block][inside]
            if max(p.std(), q.std()) > _FLAT:
                values.append(correlation(p, q))
                excess.append(float(p.std() - q.std()))
    return np.array(values), np.array(excess)
