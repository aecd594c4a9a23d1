"""Decide whether two images are the same, by aligning and correlating them.

The alignment is affine and starts from a guess; it is refined from coarse to fine by enhanced
correlation (Evangelidis and Psarakis, PAMI 30(10), 2008). The score is the correlation of the local
contrast in the shared area: unrelated radiographs agree in outline, never in fine structure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.lookalikes.agreement import Agreement, correlation, measure_agreement
from datasets.lookalikes.frames import is_unmoved, only_frame_is_shared
from datasets.lookalikes.orientations import ORIENTATIONS, inverse, orient, point_map
from datasets.lookalikes.thumbnails import Contrast, Image, local_contrast

_SIDES = (32, 64, 128)  # pixels, coarse to fine
_STEPS = (20, 30, 40)
_MIN_CORRELATION = (0.65, 0.65)  # below, a pair is rejected; 99 % of copies have 0.73 or more
_MAX_REFINED = 2  # guesses that are refined, those with the best initial correlation
_BLUR_PX, _LOCAL_PX = 3.0, 5.0
_FINER_PX = (1.5, 4.0)
_MIN_SHARED = (0.3, 0.6)  # of the image that shows more, and of the other
_MAX_DEGREES, _LEVEL_DEGREES = 15.0, 5.0
_NO_STRETCH, _NO_SHEAR = 1.05, 0.03
_NEARLY_ALL = 0.9
_BLOCK_PX, _FLAT, _MIN_BLOCKS = 16, 0.25, 10
# 134 pairs of plots on the same axes score up to 0.78; of 288 planted copies of radiographs, those
# with a tenth of their blocks as different score 0.89 or more.
_TEMPLATE_SCORE, _NOTHING_IN_COMMON, _THE_SAME = 0.85, 0.1, 0.95

Matrix = NDArray[np.float64]  # (2, 3)


@dataclass(frozen=True)
class Overlay:
    """The alignment of image b with image a.

    `motion` maps points of a, after `orientation`, to points of b; both images are unit squares.
    `score` is their correlation, -1..1. It `is_plain` if nothing is stretched and one image shows
    nearly everything that the other does, as in most copies. `evenness`, -1..1, is the lower decile
    of the correlations of small blocks: similar bones agree in most places, copies everywhere.
    `is_template` if most blocks agree to the pixel and the others have nothing in common: two plots
    on the same axes, two filled-in forms; or if only a frame is shared.
    """

    orientation: str
    motion: Matrix
    score: float = -1.0
    is_plain: bool = False
    evenness: float = -1.0
    is_template: bool = False

    def reversed(self) -> "Overlay":
        """The alignment of a with b."""
        orientation = _square(point_map(self.orientation))
        motion = orientation @ np.linalg.inv(_square(self.motion)) @ np.linalg.inv(orientation)
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
        """How much larger things are in b, relative to the image."""
        return float(np.sqrt(abs(np.linalg.det(self.motion[:, :2]))))


def compare(
    a: Image,
    b: Image,
    guesses: Sequence[Overlay],
    aspects: tuple[float, float] = (1.0, 1.0),
    least: float = -1.0,
) -> Overlay | None:
    """Refine the guesses coarsely, then refine and score the best of them.

    Args:
        a, b: thumbnails, (S, S) uint8.
        guesses: initial alignments; at least one.
        aspects: width / height of a and b as displayed.
        least: correlation of the best guess under which it is not refined.

    Returns:
        None if the images cannot be aligned from these guesses.
    """
    overlay = _coarse(a, b, guesses, aspects, least)
    if overlay is None or overlay.score < _MIN_CORRELATION[0]:
        return None
    if overlay.scale < 1:  # compare at the scale of the image that shows more
        fine = _fine(b, a, overlay.reversed(), aspects[::-1])
        return fine and fine.reversed()
    return _fine(a, b, overlay, aspects)


def shares(overlay: Overlay) -> tuple[float, float]:
    """The area that both images show, as a share of a and of b."""
    side = _SIDES[-1]
    shared = float(_shared(_in_pixels(overlay.motion, side), side).mean())
    return min(1.0, shared), min(1.0, shared * overlay.scale**2)


def overlay_agreement(a: Image, b: Image, overlay: Overlay) -> Agreement:
    """How well the pixels of two thumbnails agree where they overlap."""
    oriented = np.ascontiguousarray(orient(a, overlay.orientation))
    side = _SIDES[-1]
    shared = _shared(_in_pixels(overlay.motion, side), side)
    return measure_agreement(oriented, _warped(b, overlay.motion, side), shared)


def _coarse(
    a: Image, b: Image, guesses: Sequence[Overlay], aspects: tuple[float, float], least: float
) -> Overlay | None:
    fixed, moving = _contrast(a, _SIDES[0]), _contrast(b, _SIDES[0])
    initial = [_scored(_oriented(fixed, guess), moving, guess) for guess in guesses]
    initial.sort(key=lambda overlay: -overlay.score)
    if initial[0].score < least:
        return None
    found = [
        _refined(_oriented(fixed, guess), moving, guess, aspects, _STEPS[0])
        for guess in initial[:_MAX_REFINED]
    ]
    return max(found, key=lambda overlay: overlay.score, default=None)


def _fine(a: Image, b: Image, overlay: Overlay, aspects: tuple[float, float]) -> Overlay | None:
    """Refine at the finer levels, with b warped to the scale of a: both lose the same detail."""
    oriented = np.ascontiguousarray(orient(a, overlay.orientation))
    for level in (1, 2):
        side = _SIDES[level]
        warped = _warped(b, overlay.motion, side)
        unmoved = Overlay(overlay.orientation, _NO_MOTION)  # from a to `warped`
        aspect = _oriented_aspects(overlay, aspects)[0]
        moved = _refined(
            _contrast(oriented, side),
            local_contrast(warped, _BLUR_PX, _LOCAL_PX),
            unmoved,
            (aspects[0], aspect),
            _STEPS[level],
            _shared(_in_pixels(overlay.motion, side), side),
        )
        motion = (_square(overlay.motion) @ _square(moved.motion))[:2]
        overlay = replace(overlay, motion=motion, score=moved.score)
        if level < 2 and overlay.score < _MIN_CORRELATION[level]:
            return None
    final_aspects = _oriented_aspects(overlay, aspects)
    if not _is_plausible(overlay.motion, final_aspects, is_final=True):
        return None
    less, more = sorted(shares(overlay))
    if less < _MIN_SHARED[0] or more < _MIN_SHARED[1]:
        return None
    is_plain = more >= _NEARLY_ALL and _is_unstretched(overlay.motion, final_aspects)
    return replace(_with_agreement(overlay, oriented, b), is_plain=is_plain)


def _with_agreement(overlay: Overlay, oriented: Image, b: Image) -> Overlay:
    """Fill in the score, the evenness and whether the images share a template.

    The score is the mean correlation of coarser and finer detail in the shared area. Outlines of
    similar bones correlate in the coarser detail, up to 0.76 between unrelated real radiographs,
    but not in the finer (0.63); strong compression and clipping degrade the finer detail first.
    """
    side, motion = _SIDES[-1], overlay.motion
    shared, warped = _shared(_in_pixels(motion, side), side), _warped(b, motion, side)
    coarser, finer = (
        [local_contrast(image, *window) for image in (oriented, warped)]
        for window in ((_BLUR_PX, _LOCAL_PX), _FINER_PX)
    )
    score = float(np.mean([correlation(x[shared], y[shared]) for x, y in (coarser, finer)]))
    both, either = _block_correlations(coarser[0], coarser[1], shared)
    return replace(
        overlay,
        score=score,
        evenness=float(np.quantile(both, 0.1)) if len(both) >= _MIN_BLOCKS else -1.0,
        is_template=score < _TEMPLATE_SCORE
        and (_share_a_template(either) or _share_a_frame(overlay, oriented, b)),
    )


def _share_a_template(correlations: Sequence[float]) -> bool:
    if len(correlations) < _MIN_BLOCKS:
        return False
    different, same = np.quantile(correlations, (0.1, 0.5))
    return bool(different < _NOTHING_IN_COMMON and same > _THE_SAME)


def _share_a_frame(overlay: Overlay, oriented: Image, b: Image) -> bool:
    motion = _square(overlay.motion)
    motion[:2, 2] *= len(b)
    return (
        overlay.orientation == "identity"
        and is_unmoved(motion, oriented, b)
        and only_frame_is_shared(oriented, b)
    )


def _block_correlations(
    x: Contrast, y: Contrast, shared: NDArray[np.bool_]
) -> tuple[list[float], list[float]]:
    """Correlations of shared blocks: those where both images, and where either, are not flat."""
    both, either = [], []
    for row, column in np.ndindex(len(x) // _BLOCK_PX, len(x) // _BLOCK_PX):
        top, left = row * _BLOCK_PX, column * _BLOCK_PX
        block = np.s_[top : top + _BLOCK_PX, left : left + _BLOCK_PX]
        inside = shared[block]
        if inside.mean() > 0.6:
            p, q = x[block][inside], y[block][inside]
            if max(p.std(), q.std()) > _FLAT:
                either.append(correlation(p, q))
            if min(p.std(), q.std()) > _FLAT:
                both.append(either[-1])
    return both, either


_NO_MOTION = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _contrast(pixels: Image, side: int) -> Contrast:
    small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    return local_contrast(small, _BLUR_PX, _LOCAL_PX)


def _oriented(image: Contrast, overlay: Overlay) -> Contrast:
    return np.ascontiguousarray(orient(image, overlay.orientation))


def _warped(b: Image, motion: Matrix, side: int) -> Image:
    """Image b warped onto a, (side, side), with replicated borders."""
    small = cv2.resize(b, (side, side), interpolation=cv2.INTER_AREA)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(
        small, _in_pixels(motion, side), (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)


def _oriented_aspects(overlay: Overlay, aspects: tuple[float, float]) -> tuple[float, float]:
    """The aspects of a after `orientation`, and of b."""
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
    """The guess or its refinement, whichever correlates better."""
    oriented = _oriented_aspects(guess, aspects)
    motions = [guess.motion]
    refined = _climb(fixed, moving, guess.motion, cv2.MOTION_AFFINE, steps)
    if refined is None or not _is_plausible(refined, oriented):  # diverged: translate first
        shifted = _climb(fixed, moving, guess.motion, cv2.MOTION_TRANSLATION, steps)
        motions += [shifted] if shifted is not None else []
        refined = _climb(fixed, moving, motions[-1], cv2.MOTION_AFFINE, steps)
    motions += [refined] if refined is not None else []
    found = [
        _scored(fixed, moving, replace(guess, motion=motion), where)
        for motion in motions
        if _is_plausible(motion, oriented)
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
    except cv2.error:  # no overlap, or a flat one
        return None
    return _in_unit_squares(found.astype(np.float64), side)


def _scored(
    fixed: Contrast,
    moving: Contrast,
    overlay: Overlay,
    where: NDArray[np.bool_] | None = None,
) -> Overlay:
    """Fill in the correlation over the shared area; -1 if that is too small."""
    side = len(fixed)
    pixels = _in_pixels(overlay.motion, side)
    shared = _shared(pixels, side)
    shared = shared if where is None else shared & where
    min_shared = _MIN_SHARED[1] * (1.0 if where is None else float(where.mean()))
    if float(shared.mean()) * max(1.0, overlay.scale**2) < min_shared:
        return replace(overlay, score=-1.0)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = np.asarray(cv2.warpAffine(moving, pixels, (side, side), flags=flags), np.float32)
    return replace(overlay, score=correlation(fixed[shared], moved[shared]))


def _shared(pixels: NDArray[np.float32], side: int) -> NDArray[np.bool_]:
    """(side, side): which points of a lie in b, at least half a pixel from its edge."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    inside = cv2.warpAffine(np.ones((side, side), np.float32), pixels, (side, side), flags=flags)
    return np.asarray(inside > 0.99)


def _is_plausible(motion: Matrix, aspects: tuple[float, float], is_final: bool = False) -> bool:
    """Whether a copy may have this motion: no mirror image, no scale beyond 2, little distortion.

    A stretch is measured on the images as displayed or as squares: an image may have been squeezed
    to a square before it was stored again.
    """
    if not np.isfinite(motion).all():
        return False
    test = _is_copying if is_final else _is_similarity
    return any(test(matrix) for matrix in _squeezed_and_displayed(motion, aspects))


def _is_unstretched(motion: Matrix, aspects: tuple[float, float]) -> bool:
    values = [_singular_values(matrix) for matrix in _squeezed_and_displayed(motion, aspects)]
    return any(large < _NO_STRETCH * small for large, small in values)


def _squeezed_and_displayed(motion: Matrix, aspects: tuple[float, float]) -> tuple[Matrix, Matrix]:
    """The linear part (2, 2) between squares, and between images of equal area as displayed."""
    linear = motion[:, :2]
    ratio, product = np.sqrt(aspects[1] / aspects[0]), np.sqrt(aspects[1] * aspects[0])
    return linear, linear * np.array([[ratio, product], [1 / product, 1 / ratio]])


def _is_similarity(matrix: Matrix) -> bool:
    """Whether it rotates and scales by up to 2.2, with at most a third of stretch or shear."""
    large, small = _singular_values(matrix)
    return large < 2.2 and small > 0.45 and large < 1.35 * small


def _is_copying(matrix: Matrix) -> bool:
    """Whether tools do this: scale, rotate by up to 15 degrees, stretch along an edge; no shear.

    Without this check, an affine map can turn any straight bone into any other.
    """
    (p, q), (r, s) = matrix.tolist()
    large, small = _singular_values(matrix)
    degrees = abs(np.degrees(np.arctan2(r - q, p + s)))
    if not _is_similarity(matrix) or degrees > _MAX_DEGREES:
        return False
    rows = abs(p * r + q * s) / np.hypot(p, q) / np.hypot(r, s)  # cosines of their angles
    columns = abs(p * q + r * s) / np.hypot(p, r) / np.hypot(q, s)
    is_stretch = degrees < _LEVEL_DEGREES and min(rows, columns) < _NO_SHEAR
    return bool(large < _NO_STRETCH * small or is_stretch)


def _singular_values(matrix: Matrix) -> tuple[float, float]:
    """The singular values of a 2 x 2 matrix; zeros if it mirrors."""
    (p, q), (r, s) = matrix.tolist()
    area, squares = p * s - q * r, p * p + q * q + r * r + s * s
    if area <= 0:
        return 0.0, 0.0
    root = max(0.0, squares * squares - 4 * area * area) ** 0.5
    return ((squares + root) / 2) ** 0.5, (max(0.0, squares - root) / 2) ** 0.5


def _in_pixels(motion: Matrix, side: int) -> NDArray[np.float32]:
    """Convert a motion between unit squares to one between pixel centres of `side` pixels."""
    pixels = np.empty((2, 3), np.float32)
    pixels[:, :2] = motion[:, :2]
    pixels[:, 2] = motion[:, 2] * side + motion[:, :2].sum(axis=1) / 2 - 0.5
    return pixels


def _in_unit_squares(pixels: Matrix, side: int) -> Matrix:
    motion = pixels.copy()
    motion[:, 2] = (pixels[:, 2] + 0.5 - pixels[:, :2].sum(axis=1) / 2) / side
    return motion


def _square(motion: Matrix) -> NDArray[np.float64]:
    return np.vstack([motion, [0.0, 0.0, 1.0]])
