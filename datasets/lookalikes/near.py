"""Find near-copies: images that were re-encoded, cropped, re-exposed, rotated, inverted or framed.

There are two searches, over small pictures. `parts` matches local features and so finds parts,
rotations by any angle and pictures within others. For pairs that it does not find, such as blurred
or squeezed ones, `candidates` finds the nearest neighbours of each picture as a whole and
`alignment` compares them. In a large set of copies not every pair is reported, but the reported
ones connect the set.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from datasets.decoding.readers import WORKERS
from datasets.lookalikes.alignment import Overlay, compare, overlay_agreement
from datasets.lookalikes.candidates import (
    Candidates,
    compute_descriptors,
    find_candidates,
    variant_motion,
)
from datasets.lookalikes.features import Features
from datasets.lookalikes.orientations import NAMES, ORIENTATIONS
from datasets.lookalikes.part import SIMPLE, SIMPLE_SCORE
from datasets.lookalikes.parts import describe, find_parts
from datasets.lookalikes.thumbnails import Thumbnails
from datasets.lookalikes.transform_text import overlay_text, part_text
from datasets.pairs import pair_table

NEAR_VERSION = 6  # bump it when anything changes the pairs found
# Among 1129 real and 300 drawn radiographs, unrelated pairs reach 0.77 if b would be a stretched or
# shifted part of a, 0.71 otherwise; no pair with 0.66 or more has an evenness of 0.55.
THRESHOLD = 0.72
STRANGE_THRESHOLD = 0.8
EVEN_THRESHOLD, EVEN = 0.68, 0.56
# Of the pairs that features do not find, copies correlate by 0.75 or more before they are aligned;
# nine tenths of the others by less than 0.61.
LEAST_INITIAL = 0.6
# Where features should have found a pair but have not, and neither picture is squeezed, it is more
# likely a template: filled-in forms score up to 0.87.
_RICH, _SAME_SHAPE, _DOUBTFUL_SCORE = 60, 1.15, 0.88
_MARKED_SAME = 0.9  # of copies with arrows or text, which features may miss

Guesses = dict[tuple[int, int], list[Overlay]]


class Comparison(NamedTuple):
    """Images `a` and `b` (rows of the thumbnails) and their alignment; None if there is none."""

    a: int
    b: int
    overlay: Overlay | None


def find_near(images: pd.DataFrame, thumbnails: Thumbnails, workers: int = WORKERS) -> pd.DataFrame:
    """Find pairs of near-copies among images.

    Images with equal pixels are compared once, under their smallest id.

    Args:
        images: columns image_id and pixel_hash, sorted by image_id.
        thumbnails: of these images, in their order.
        workers: threads.

    Returns:
        `pairs.PAIR_COLUMNS`: image_id_a < image_id_b, kind "near", score up to 1 (the
        correlation of the aligned images), transform: what turns a into b. Sorted.
    """
    first = np.flatnonzero(~images["pixel_hash"].duplicated().to_numpy())
    image_ids = images["image_id"].to_numpy()[first]
    return pair_table(
        (image_ids[copy.a], image_ids[copy.b], "near", min(1.0, copy.score), copy.transform)
        for copy in find_copies(thumbnails.of(first), workers)
    )


@dataclass(frozen=True)
class Copy:
    """Images `a` < `b` (rows of the thumbnails) show the same; `transform` turns a into b."""

    a: int
    b: int
    score: float
    transform: str


def find_copies(thumbnails: Thumbnails, workers: int = WORKERS) -> list[Copy]:
    """Find the pairs of near-copies; parts of one another only with previews."""
    if len(thumbnails) < 2:
        return []
    features = describe(thumbnails, workers) if thumbnails.previews else []
    parts = find_parts(thumbnails, features, workers) if features else []
    copies = {
        (one.a, one.b): Copy(one.a, one.b, one.part.agreement.score, part_text(one))
        for one in parts
    }
    candidates = find_candidates(compute_descriptors(thumbnails, workers))
    guesses = guess_overlays(candidates, thumbnails)
    others = {pair: guesses[pair] for pair in guesses if pair not in copies}
    least = LEAST_INITIAL if features else -1.0
    for a, b, overlay in compare_pairs(thumbnails, others, workers, least):
        if overlay is None or not is_copy(overlay):
            continue
        if features and _is_doubtful(thumbnails, (a, b), features, overlay):
            continue
        copies[a, b] = Copy(a, b, overlay.score, overlay_text(overlay))
    return [copies[pair] for pair in sorted(copies)]


def _is_doubtful(
    thumbnails: Thumbnails, pair: tuple[int, int], features: Sequence[Features], overlay: Overlay
) -> bool:
    """Whether the features of a pair that they did not find speak against it."""
    fewest = min(len(features[row]) for row in pair)
    if fewest < SIMPLE:
        return overlay.score < SIMPLE_SCORE
    if fewest < _RICH or overlay.score >= _DOUBTFUL_SCORE:
        return False
    a, b = np.log(thumbnails.aspects[list(pair)])
    squeezed = abs(a + b if ORIENTATIONS[overlay.orientation][0] else a - b) > np.log(_SAME_SHAPE)
    first, second = (thumbnails.pixels[row] for row in pair)
    return not squeezed and not overlay_agreement(first, second, overlay).is_marked(_MARKED_SAME)


def is_copy(overlay: Overlay) -> bool:
    """Whether two images with this alignment count as copies."""
    if overlay.is_template:
        return False
    if overlay.evenness >= EVEN:
        return overlay.score >= EVEN_THRESHOLD
    return overlay.score >= (THRESHOLD if overlay.is_plain else STRANGE_THRESHOLD)


def guess_overlays(candidates: Candidates, thumbnails: Thumbnails) -> Guesses:
    """The initial alignments of each candidate pair a < b, from both directions."""
    columns = (candidates.queried, candidates.found, candidates.orientation, candidates.variant)
    guesses: Guesses = {}
    for queried, found, name, variant in zip(*(c.tolist() for c in columns), strict=True):
        motion = variant_motion(variant, float(thumbnails.aspects[found]))
        guess = Overlay(NAMES[name], motion)
        if queried < found:
            guesses.setdefault((queried, found), []).append(guess)
        else:
            guesses.setdefault((found, queried), []).append(guess.reversed())
    return guesses


def compare_pairs(
    thumbnails: Thumbnails, guesses: Guesses, workers: int = WORKERS, least: float = -1.0
) -> list[Comparison]:
    """Refine and score the guesses of each pair; sorted by pair. `least` as in `compare`."""
    pairs, aspects = sorted(guesses), thumbnails.aspects.tolist()

    def overlay(pair: tuple[int, int]) -> Overlay | None:
        a, b = pair
        pixels = thumbnails.pixels[a], thumbnails.pixels[b]
        return compare(*pixels, guesses[pair], (aspects[a], aspects[b]), least)

    with ThreadPoolExecutor(max_workers=workers) as pool:
        overlays = list(pool.map(overlay, pairs))
    return [Comparison(*pair, found) for pair, found in zip(pairs, overlays, strict=True)]
