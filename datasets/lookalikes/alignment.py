"""Are two pictures the same? Lay one over the other, as well as it goes, and correlate them.

The alignment is affine and starts from a guess; it is refined from coarse to fine by enhanced
correlation (Evangelidis and Psarakis, PAMI 30(10), 2008). The score is the correlation of the local
contrast where both pictures are: unrelated radiographs agree in outline, never in fine structure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.lookalikes.orientations import ORIENTATIONS, inverse, orient, point_map
from datasets.lookalikes.thumbnails import Contrast, Image, local_contrast

_SIDES = (32, 64, 128)  # pixels, coarse to fine
_STEPS = (20, 30, 40)
_ENOUGH = (0.65, 0.65)  # correlation without which a pair is given up; 99 % of copies have 0.73
_TRIED = 2  # guesses that are refined, of those that correlate best as they are
_BLUR_PX, _LOCAL_PX = 3.0, 5.0
_FINER_PX = (1.5, 4.0)
_LEAST_SHARED = (0.3, 0.6)  # of the picture that shows more, and of the other
_MOST_DEGREES, _LEVEL_DEGREES = 15.0, 5.0
_NO_STRETCH, _NO_SHEAR = 1.05, 0.03
_NEARLY_ALL = 0.9
_BLOCK_PX, _FLAT, _FEWEST_BLOCKS = 16, 0.25, 10
# The scores of 134 pairs of plots on the same axes reach 0.78; of 288 planted copies of
# radiographs, those with a tenth of their blocks as different score 0.89 and more.
_TEMPLATE_SCORE, _NOTHING_IN_COMMON, _THE_SAME = 0.85, 0.1, 0.95

Matrix = NDArray[np.float64]  # (2, 3)


@dataclass(frozen=True)
class Overlay:
    """How b lies over a.

    `motion` leads from points of a, laid down as `orientation` says, to points of b; both pictures
    are squares of side 1. `score` is their correlation there, -1..1. It `is_plain` where nothing is
    stretched and one picture shows nearly all that the other does, as most copies are made.
    `evenness`, -1..1, is what nine in ten small blocks correlate at least: two bones that are alike
    agree in most places, copies in all. `is_template` where most blocks are the same to the pixel
    and the others have nothing in common: two plots on the same axes, two filled-in forms.
    """

    orientation: str
    motion: Matrix
    score: float = -1.0
    is_plain: bool = False
    evenness: float = -1.0
    is_template: bool = False

    def turned_round(self) -> "Overlay":
        """How a lies over b."""
        turn = _square(point_map(self.orientation))
        motion = turn @ np.linalg.inv(_square(self.motion)) @ np.linalg.inv(turn)
        return Overlay(
            inverse(self.orientation),
            motion[:2],
            self.score,
            self.is_plain,
            self.evenness,
            self.is_template,
        )

    @property
    def scale(self) -> float:
        """How much larger things are in b, as a share of the picture."""
        return float(np.sqrt(abs(np.linalg.det(self.motion[:, :2]))))


def compare(
    a: Image, b: Image, guesses: Sequence[Overlay], aspects: tuple[float, float] = (1.0, 1.0)
) -> Overlay | None:
    """Refine the guesses coarsely, go on with the best, and score it.

    Args:
        a, b: thumbnails, (S, S) uint8.
        guesses: where to begin; at least one.
        aspects: width / height of a and b as displayed.

    Returns:
        None where the pictures cannot be laid over each other from there.
    """
    overlay = _coarse(a, b, guesses, aspects)
    if overlay is None or overlay.score < _ENOUGH[0]:
        return None
    if overlay.scale < 1:  # compare at the scale of the picture that shows more
        fine = _fine(b, a, overlay.turned_round(), aspects[::-1])
        return fine and fine.turned_round()
    return _fine(a, b, overlay, aspects)


def shares(overlay: Overlay) -> tuple[float, float]:
    """The area that both pictures show, as a share of a and of b."""
    side = _SIDES[-1]
    shared = float(_shared(_in_pixels(overlay.motion, side), side).mean())
    return min(1.0, shared), min(1.0, shared * overlay.scale**2)


def _coarse(
    a: Image, b: Image, guesses: Sequence[Overlay], aspects: tuple[float, float]
) -> Overlay | None:
    fixed, moving = _contrast(a, _SIDES[0]), _contrast(b, _SIDES[0])
    as_they_are = [_scored(_laid(fixed, guess), moving, guess) for guess in guesses]
    as_they_are.sort(key=lambda overlay: -overlay.score)
    found = [
        _refined(_laid(fixed, guess), moving, guess, aspects, _STEPS[0])
        for guess in as_they_are[:_TRIED]
    ]
    return max(found, key=lambda overlay: overlay.score, default=None)


def _fine(a: Image, b: Image, overlay: Overlay, aspects: tuple[float, float]) -> Overlay | None:
    """The rest of the levels, b drawn at the scale of a, so that both lose the same detail."""
    laid = np.ascontiguousarray(orient(a, overlay.orientation))
    for level in (1, 2):
        side = _SIDES[level]
        drawn = _drawn(b, overlay.motion, side)
        there = Overlay(overlay.orientation, _NOWHERE)  # from a to `drawn`
        upright = _upright(overlay, aspects)[0]
        moved = _refined(
            _contrast(laid, side),
            local_contrast(drawn, _BLUR_PX, _LOCAL_PX),
            there,
            (aspects[0], upright),
            _STEPS[level],
            _shared(_in_pixels(overlay.motion, side), side),
        )
        motion = (_square(overlay.motion) @ _square(moved.motion))[:2]
        overlay = replace(overlay, motion=motion, score=moved.score)
        if level < 2 and overlay.score < _ENOUGH[level]:
            return None
    if not _is_plausible(overlay.motion, _upright(overlay, aspects), is_final=True):
        return None
    less, more = sorted(shares(overlay))
    if less < _LEAST_SHARED[0] or more < _LEAST_SHARED[1]:
        return None
    is_plain = more >= _NEARLY_ALL and _is_unstretched(overlay.motion, _upright(overlay, aspects))
    return replace(_with_agreement(overlay, laid, b), is_plain=is_plain)


def _with_agreement(overlay: Overlay, laid: Image, b: Image) -> Overlay:
    """With the mean correlation of coarser and finer detail where both pictures are, the evenness
    and whether they share a template.

    Outlines of like bones correlate in the coarser, up to 0.76 between unrelated real radiographs,
    but then not in the finer (0.63); hard compression and clipping spoil the finer first.
    """
    side, motion = _SIDES[-1], overlay.motion
    shared, drawn = _shared(_in_pixels(motion, side), side), _drawn(b, motion, side)
    coarser, finer = (
        [local_contrast(picture, *window) for picture in (laid, drawn)]
        for window in ((_BLUR_PX, _LOCAL_PX), _FINER_PX)
    )
    score = float(np.mean([_correlation(x[shared], y[shared]) for x, y in (coarser, finer)]))
    both, either = _block_correlations(coarser[0], coarser[1], shared)
    return replace(
        overlay,
        score=score,
        evenness=float(np.quantile(both, 0.1)) if len(both) >= _FEWEST_BLOCKS else -1.0,
        is_template=score < _TEMPLATE_SCORE and _are_of_a_template(either),
    )


def _are_of_a_template(correlations: Sequence[float]) -> bool:
    if len(correlations) < _FEWEST_BLOCKS:
        return False
    different, same = np.quantile(correlations, (0.1, 0.5))
    return bool(different < _NOTHING_IN_COMMON and same > _THE_SAME)


def _block_correlations(
    x: Contrast, y: Contrast, shared: NDArray[np.bool_]
) -> tuple[list[float], list[float]]:
    """Of blocks that both pictures show: where both have something in them, and where one has."""
    both, either = [], []
    for row, column in np.ndindex(len(x) // _BLOCK_PX, len(x) // _BLOCK_PX):
        top, left = row * _BLOCK_PX, column * _BLOCK_PX
        block = np.s_[top : top + _BLOCK_PX, left : left + _BLOCK_PX]
        inside = shared[block]
        if inside.mean() > 0.6:
            p, q = x[block][inside], y[block][inside]
            if max(p.std(), q.std()) > _FLAT:
                either.append(_correlation(p, q))
            if min(p.std(), q.std()) > _FLAT:
                both.append(either[-1])
    return both, either


_NOWHERE = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _contrast(pixels: Image, side: int) -> Contrast:
    small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    return local_contrast(small, _BLUR_PX, _LOCAL_PX)


def _laid(image: Contrast, overlay: Overlay) -> Contrast:
    return np.ascontiguousarray(orient(image, overlay.orientation))


def _drawn(b: Image, motion: Matrix, side: int) -> Image:
    """Picture b as it lies over a, (side, side); its edge goes on where it does not reach."""
    small = cv2.resize(b, (side, side), interpolation=cv2.INTER_AREA)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    drawn = cv2.warpAffine(
        small, _in_pixels(motion, side), (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(drawn, np.uint8)


def _upright(overlay: Overlay, aspects: tuple[float, float]) -> tuple[float, float]:
    """The aspects of a as it is laid down, and of b."""
    transposed = ORIENTATIONS[overlay.orientation][0]
    return (1 / aspects[0] if transposed else aspects[0], aspects[1])


def _refined(
    fixed: Contrast,
    moving: Contrast,
    guess: Overlay,
    aspects: tuple[float, float],
    steps: int,
    where: NDArray[np.bool_] | None = None,
) -> Overlay:
    """The guess itself or what became of it, whichever correlates better."""
    upright = _upright(guess, aspects)
    motions = [guess.motion]
    refined = _climb(fixed, moving, guess.motion, cv2.MOTION_AFFINE, steps)
    if refined is None or not _is_plausible(refined, upright):  # ran away: go by smaller steps
        shifted = _climb(fixed, moving, guess.motion, cv2.MOTION_TRANSLATION, steps)
        motions += [shifted] if shifted is not None else []
        refined = _climb(fixed, moving, motions[-1], cv2.MOTION_AFFINE, steps)
    motions += [refined] if refined is not None else []
    found = [
        _scored(fixed, moving, replace(guess, motion=motion), where)
        for motion in motions
        if _is_plausible(motion, upright)
    ]
    return max(found, key=lambda overlay: overlay.score, default=guess)


def _climb(
    fixed: Contrast, moving: Contrast, motion: Matrix, kind: int, steps: int
) -> Matrix | None:
    side = len(fixed)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, steps, 1e-4)
    start, everywhere = _in_pixels(motion, side), np.ones((side, side), np.uint8)
    try:
        _, found = cv2.findTransformECC(fixed, moving, start, kind, criteria, everywhere, 3)
    except cv2.error:  # no overlap, or nothing in it
        return None
    return _of_side_one(found.astype(np.float64), side)


def _scored(
    fixed: Contrast,
    moving: Contrast,
    overlay: Overlay,
    where: NDArray[np.bool_] | None = None,
) -> Overlay:
    """With the correlation over the area that both show; -1 where that is too little."""
    side = len(fixed)
    pixels = _in_pixels(overlay.motion, side)
    shared = _shared(pixels, side)
    shared = shared if where is None else shared & where
    least = _LEAST_SHARED[1] * (1.0 if where is None else float(where.mean()))
    if float(shared.mean()) * max(1.0, overlay.scale**2) < least:
        return replace(overlay, score=-1.0)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = np.asarray(cv2.warpAffine(moving, pixels, (side, side), flags=flags), np.float32)
    return replace(overlay, score=_correlation(fixed[shared], moved[shared]))


def _correlation(x: Contrast, y: Contrast) -> float:
    """Pearson's, of two (N,); 0 where one is constant."""
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y / np.sqrt((x @ x) * (y @ y) + 1e-9))


def _shared(pixels: NDArray[np.float32], side: int) -> NDArray[np.bool_]:
    """(side, side): where a point of a lies in b, half a pixel from its edge or more."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    inside = cv2.warpAffine(np.ones((side, side), np.float32), pixels, (side, side), flags=flags)
    return np.asarray(inside > 0.99)


def _is_plausible(motion: Matrix, aspects: tuple[float, float], is_final: bool = False) -> bool:
    """No mirror image, no scale beyond 2, no shear or stretch that a copy would not have.

    A stretch is measured on the pictures as displayed, or as squares: one that was squeezed to a
    square before it was stored again may be stretched as far as that.
    """
    if not np.isfinite(motion).all():
        return False
    test = _is_copying if is_final else _is_similarity
    return any(test(matrix) for matrix in _squeezed_and_displayed(motion, aspects))


def _is_unstretched(motion: Matrix, aspects: tuple[float, float]) -> bool:
    values = [_singular_values(matrix) for matrix in _squeezed_and_displayed(motion, aspects)]
    return any(large < _NO_STRETCH * small for large, small in values)


def _squeezed_and_displayed(motion: Matrix, aspects: tuple[float, float]) -> tuple[Matrix, Matrix]:
    """The linear part (2, 2) between squares, and between pictures as displayed, of one area."""
    linear = motion[:, :2]
    ratio, product = np.sqrt(aspects[1] / aspects[0]), np.sqrt(aspects[1] * aspects[0])
    return linear, linear * np.array([[ratio, product], [1 / product, 1 / ratio]])


def _is_similarity(matrix: Matrix) -> bool:
    """A turn and a scale of up to 2.2, but for a stretch or shear of a third."""
    large, small = _singular_values(matrix)
    return large < 2.2 and small > 0.45 and large < 1.35 * small


def _is_copying(matrix: Matrix) -> bool:
    """What tools do: scale, turn by up to 15 degrees, or stretch along an edge; they do not shear.

    Without this, an affine map makes one straight bone of any other.
    """
    (p, q), (r, s) = matrix.tolist()
    large, small = _singular_values(matrix)
    degrees = abs(np.degrees(np.arctan2(r - q, p + s)))
    if not _is_similarity(matrix) or degrees > _MOST_DEGREES:
        return False
    rows = abs(p * r + q * s) / np.hypot(p, q) / np.hypot(r, s)  # cosines of their angles
    columns = abs(p * q + r * s) / np.hypot(p, r) / np.hypot(q, s)
    is_stretch = degrees < _LEVEL_DEGREES and min(rows, columns) < _NO_SHEAR
    return bool(large < _NO_STRETCH * small or is_stretch)


def _singular_values(matrix: Matrix) -> tuple[float, float]:
    """Of a 2 x 2 matrix; zeros for one that mirrors."""
    (p, q), (r, s) = matrix.tolist()
    area, squares = p * s - q * r, p * p + q * q + r * r + s * s
    if area <= 0:
        return 0.0, 0.0
    root = max(0.0, squares * squares - 4 * area * area) ** 0.5
    return ((squares + root) / 2) ** 0.5, (max(0.0, squares - root) / 2) ** 0.5


def _in_pixels(motion: Matrix, side: int) -> NDArray[np.float32]:
    """Between pictures of side 1 -> between pixel centres of pictures of `side` pixels."""
    pixels = np.empty((2, 3), np.float32)
    pixels[:, :2] = motion[:, :2]
    pixels[:, 2] = motion[:, 2] * side + motion[:, :2].sum(axis=1) / 2 - 0.5
    return pixels


def _of_side_one(pixels: Matrix, side: int) -> Matrix:
    motion = pixels.copy()
    motion[:, 2] = (pixels[:, 2] + 0.5 - pixels[:, :2].sum(axis=1) / 2) / side
    return motion


def _square(motion: Matrix) -> NDArray[np.float64]:
    return np.vstack([motion, [0.0, 0.0, 1.0]])
