"""Find pictures that show a part of one another: screenshots, joined pictures, strong crops.

Local features that agree on a similarity or a perspective give the alignment. The picture of which
more is shared is the part; the other is warped onto it, and both are compared at the coarser of
their resolutions. The pixels decide; the fewer features agree, the better they have to match.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.decoding.readers import WORKERS
from datasets.lookalikes.agreement import Agreement, coarse, measure_agreement
from datasets.lookalikes.features import Features, Image, compute_features, features_each
from datasets.lookalikes.frames import is_unmoved, only_frame_is_shared
from datasets.lookalikes.part import EVERYWHERE, LEAST_SUPPORT, SIMPLE, Motion, Part
from datasets.lookalikes.thumbnails import Thumbnails
from datasets.lookalikes.votes import Vote, find_voted

_SIDE = 128  # px of the longer edge at which a part is compared, at most
_SMALLEST = 40
_LEAST_SIMILARITY = 0.75  # of two features
_NEAR_PX, _FAR_PX = 4.0, 20.0
_LEAST_FEATURES = 6
_PERSPECTIVE_FEATURES, _PERSPECTIVE_GAIN = 12, 1.2
_MOST_SCALE = 6.0
_MIN_OF_PART, _MIN_OF_WHOLE = 0.6, 0.12
_STEPS = 20
_SURELY = 0.85  # score from which a shared frame need not be suspected


@dataclass(frozen=True)
class FoundPart:
    """Pictures `a` < `b` (rows), of which one shows a part of the other, mirrored or inverted."""

    a: int
    b: int
    mirrored: bool
    inverted: bool
    part: Part


def find_parts(
    thumbnails: Thumbnails, features: Sequence[Features], workers: int = WORKERS
) -> list[FoundPart]:
    """Find the pairs of which one shows a part of the other, sorted.

    Args:
        thumbnails: with previews.
        features: `describe` of the same pictures.
    """

    def compare(vote: Vote) -> Part | None:
        pictures = thumbnails.preview(vote.a), thumbnails.preview(vote.b)
        return compare_parts(pictures, (features[vote.a], features[vote.b]), vote)

    votes = find_voted(features)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        compared = list(zip(votes, pool.map(compare, votes), strict=True))
    return [
        FoundPart(vote.a, vote.b, vote.mirrored, vote.inverted, part)
        for vote, part in compared
        if part is not None and part.is_copy
    ]


def describe(thumbnails: Thumbnails, workers: int = WORKERS) -> list[Features]:
    """The features of every preview; 16 ms each."""
    each = features_each(len(thumbnails))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        rows = range(len(thumbnails))
        return list(pool.map(lambda row: compute_features(thumbnails.preview(row), each), rows))


def compare_parts(
    pictures: tuple[Image, Image], features: tuple[Features, Features], vote: Vote
) -> Part | None:
    """Align two grey pictures by their features, refine, and measure how well their pixels agree.

    Returns:
        None if few features agree, or if the overlap is too small or distorted.
    """
    aligned = _aligned(*features, vote)
    if aligned is None:
        return None
    motion, count = aligned
    support = count / max(1, _visible(pictures, features, motion))
    if support < LEAST_SUPPORT:
        return None
    part_is_a = _area_ratio(motion, pictures[0]) * pictures[0].size <= pictures[1].size
    part, whole = pictures if part_is_a else pictures[::-1]
    onto = motion if part_is_a else _inverse(motion)  # from the part to the whole
    raster = _raster(part, onto)
    refined = _refined(part, whole, onto, raster, -1 if vote.inverted else 1)
    found = _compared(part, whole, refined, raster, vote.inverted)
    if found is None:
        return None
    agreement, of_part, of_whole = found
    shares = (of_part, of_whole) if part_is_a else (of_whole, of_part)
    motion = refined if part_is_a else _inverse(refined)
    framed = (
        agreement.score < _SURELY
        and support < EVERYWHERE
        and not (vote.mirrored or vote.inverted)
        and is_unmoved(motion, *pictures)
        and only_frame_is_shared(*pictures)
    )
    simple = min(map(len, features)) < SIMPLE
    return Part(motion, count, support, shares, agreement, framed, simple)


def _aligned(a: Features, b: Features, vote: Vote) -> tuple[Motion, int] | None:
    """The motion from pixels of a to pixels of b, and the number of features that agree on it."""
    seen = a.seen(vote.mirrored, vote.inverted)
    similarity = seen.descriptors.astype(np.float32) @ b.descriptors.astype(np.float32).T
    nearest = similarity.argmax(axis=1)
    rows = np.arange(len(seen))
    mutual = (similarity.argmax(axis=0)[nearest] == rows) & (
        similarity[rows, nearest] > _LEAST_SIMILARITY
    )
    start, end = seen.points[mutual, :2], b.points[nearest[mutual], :2]
    if len(start) < _LEAST_FEATURES:
        return None
    similar, inside = cv2.estimateAffinePartial2D(
        start, end, ransacReprojThreshold=_NEAR_PX, maxIters=200
    )
    if similar is None or inside.sum() < _LEAST_FEATURES:
        return None
    motion, count = np.vstack([similar, [0, 0, 1]]), int(inside.sum())
    if not 1 / _MOST_SCALE < np.hypot(*similar[0, :2]) < _MOST_SCALE:
        return None
    motion, count = _with_perspective(start, end, motion, count)
    mirror = np.diag([-1.0 if vote.mirrored else 1.0, 1.0, 1.0])
    return motion @ mirror, count


def _visible(
    pictures: tuple[Image, Image], features: tuple[Features, Features], motion: Motion
) -> int:
    """The number of features in the overlap, of the picture that has fewer there."""
    counts = []
    for one, other, onto in ((0, 1, motion), (1, 0, _inverse(motion))):
        moved = _moved(onto, features[one].points[:, :2])
        size = np.array(pictures[other].shape[::-1])
        counts.append(int(((moved >= 0) & (moved <= size)).all(axis=1).sum()))
    return min(counts)


def _with_perspective(
    start: NDArray[np.float32], end: NDArray[np.float32], motion: Motion, count: int
) -> tuple[Motion, int]:
    """The motion, or a perspective near it on which clearly more features agree."""
    near = np.linalg.norm(_moved(motion, start) - end, axis=1) < _FAR_PX
    if near.sum() < max(_PERSPECTIVE_FEATURES, _PERSPECTIVE_GAIN * count):
        return motion, count
    found, inside = cv2.findHomography(start[near], end[near], cv2.RANSAC, _NEAR_PX)
    if found is None or inside.sum() < max(_PERSPECTIVE_FEATURES, _PERSPECTIVE_GAIN * count):
        return motion, count
    return np.asarray(found, np.float64), int(inside.sum())


def _inverse(motion: Motion) -> Motion:
    return np.asarray(np.linalg.inv(motion), np.float64)


def _moved(motion: Motion, points: NDArray[np.float32]) -> NDArray[np.float64]:
    moved = np.column_stack([points, np.ones(len(points))]) @ motion.T
    return np.asarray(moved[:, :2] / moved[:, 2:])


def _corners(picture: Image) -> NDArray[np.float32]:
    height, width = picture.shape
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def _area_ratio(motion: Motion, picture: Image) -> float:
    """How much larger the picture becomes by the motion."""
    moved = _moved(motion, _corners(picture)).astype(np.float32)
    return float(cv2.contourArea(moved)) / picture.size


def _raster(part: Image, onto: Motion) -> Motion:
    """From pixels of the raster in which a part is compared to pixels of the part.

    A pixel of the raster is at least one pixel of both pictures, as far as the raster allows.
    """
    height, width = part.shape
    scale = min(1.0, np.sqrt(_area_ratio(onto, part)))
    longer = min(_SIDE, max(_SMALLEST, round(max(height, width) * scale)))
    return np.diag([max(height, width) / longer, max(height, width) / longer, 1.0])


def _on(raster: Motion, part: Image) -> tuple[int, int]:
    """The size (width, height) of the raster."""
    return max(8, round(part.shape[1] / raster[0, 0])), max(8, round(part.shape[0] / raster[0, 0]))


def _warped(picture: Image, motion: Motion, size: tuple[int, int]) -> Image:
    """The picture on a raster, with `motion` from there to its pixels, without aliasing."""
    scale = np.sqrt(abs(np.linalg.det(motion[:2, :2])))
    if scale > 1.2:  # as INTER_AREA does, which warps do not have
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.45 * scale), np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpPerspective(picture, motion, size, flags=flags, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def _inside(picture: Image, motion: Motion, size: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W): which points of the raster lie in the picture."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    ones = np.ones(picture.shape, np.float32)
    return np.asarray(cv2.warpPerspective(ones, motion, size, flags=flags) > 0.99)


def _refined(part: Image, whole: Image, onto: Motion, raster: Motion, sign: int) -> Motion:
    """The motion, refined by enhanced correlation (see `alignment`) if that converges."""
    size = _on(raster, part)
    flat, other = _warped(part, raster, size), _warped(whole, onto @ raster, size)
    start = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, _STEPS, 1e-3)
    mask = _inside(whole, onto @ raster, size).astype(np.uint8)
    try:
        _, step = cv2.findTransformECC(
            coarse(flat), sign * coarse(other), start, cv2.MOTION_AFFINE, criteria, mask, 3
        )
    except cv2.error:  # no overlap, or a flat one
        return onto
    if np.abs(step - np.eye(2, 3)).max(axis=0)[:2].max() > 0.1:
        return onto
    moved = onto @ raster @ np.vstack([step, [0, 0, 1]]) @ _inverse(raster)
    return np.asarray(moved, np.float64)


def _compared(
    part: Image, whole: Image, onto: Motion, raster: Motion, inverted: bool
) -> tuple[Agreement, float, float] | None:
    """Agreement of pixels, and the shared area as a share of the part and of the whole."""
    size = _on(raster, part)
    shared = _inside(whole, onto @ raster, size)
    of_part = float(shared.mean())
    of_whole = of_part * _area_ratio(onto, part) * part.size / whole.size
    if of_part < _MIN_OF_PART or of_whole < _MIN_OF_WHOLE:
        return None
    other = _warped(whole, onto @ raster, size)
    other = 255 - other if inverted else other
    return measure_agreement(_warped(part, raster, size), other, shared), of_part, min(1, of_whole)
