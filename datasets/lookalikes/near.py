"""Find near-copies: images that were re-encoded, resized, cropped, re-exposed, flipped or rotated.

Every file is decoded once to a thumbnail; `candidates` finds the nearest neighbours of each;
`alignment` aligns and compares every candidate pair, and only its score decides. In a large set of
copies not every pair is reported, but the reported ones connect the set.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from datasets.decoding.readers import WORKERS
from datasets.lookalikes.alignment import Overlay, compare, shares
from datasets.lookalikes.candidates import (
    Candidates,
    compute_descriptors,
    find_candidates,
    variant_motion,
)
from datasets.lookalikes.orientations import NAMES
from datasets.lookalikes.thumbnails import Thumbnails
from datasets.pairs import pair_table

NEAR_VERSION = 3  # bump it when anything changes the pairs found
# Among 1129 real and 300 drawn radiographs, unrelated pairs reach 0.77 if b would be a stretched or
# shifted part of a, 0.71 otherwise; no pair with 0.66 or more has an evenness of 0.55.
THRESHOLD = 0.72
STRANGE_THRESHOLD = 0.8
EVEN_THRESHOLD, EVEN = 0.68, 0.56

Guesses = dict[tuple[int, int], list[Overlay]]


@dataclass(frozen=True)
class Comparison:
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
    found = compare_thumbnails(thumbnails.of(first), workers)
    return pair_table(
        (image_ids[a], image_ids[b], "near", min(1.0, overlay.score), _transform_text(overlay))
        for a, b, overlay in ((pair.a, pair.b, pair.overlay) for pair in found)
        if overlay and is_copy(overlay)
    )


def is_copy(overlay: Overlay) -> bool:
    """Whether two images with this alignment count as copies."""
    if overlay.is_template:
        return False
    if overlay.evenness >= EVEN:
        return overlay.score >= EVEN_THRESHOLD
    return overlay.score >= (THRESHOLD if overlay.is_plain else STRANGE_THRESHOLD)


def compare_thumbnails(thumbnails: Thumbnails, workers: int = WORKERS) -> list[Comparison]:
    """Compare every candidate pair a < b once; returns those that are not copies too."""
    if len(thumbnails) < 2:
        return []
    candidates = find_candidates(compute_descriptors(thumbnails, workers))
    return compare_pairs(thumbnails, guess_overlays(candidates, thumbnails), workers)


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
    thumbnails: Thumbnails, guesses: Guesses, workers: int = WORKERS
) -> list[Comparison]:
    """Refine and score the guesses of each pair; sorted by pair."""
    pairs = sorted(guesses)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        overlays = list(pool.map(lambda pair: _compare(thumbnails, pair, guesses[pair]), pairs))
    return [Comparison(*pair, overlay) for pair, overlay in zip(pairs, overlays, strict=True)]


def _compare(
    thumbnails: Thumbnails, pair: tuple[int, int], guesses: list[Overlay]
) -> Overlay | None:
    a, b = pair
    aspects = float(thumbnails.aspects[a]), float(thumbnails.aspects[b])
    return compare(thumbnails.pixels[a], thumbnails.pixels[b], guesses, aspects)


def _transform_text(overlay: Overlay) -> str:
    """The orientation, and the share of one image that the other shows, unless it is everything."""
    of_a, of_b = shares(overlay)
    if of_a < of_b and of_a < 0.95:
        return f"{overlay.orientation}, cropped to {100 * of_a:.0f} %"
    if of_b < 0.95:
        return f"{overlay.orientation}, widened from {100 * of_b:.0f} %"
    return overlay.orientation
