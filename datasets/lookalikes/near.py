"""Near-copies: pictures that were stored again, resized, cropped, exposed, flipped or turned.

Three steps: every file is decoded once to a thumbnail; `candidates` asks for the nearest neighbours
of each; `alignment` lays every candidate pair over each other and compares the pictures themselves.
Only the last decides. Of a large set of copies not every pair is told, but their links connect it.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from datasets.lookalikes.alignment import Overlay, compare, shares
from datasets.lookalikes.candidates import Candidates, describe, find_candidates, variant_motion
from datasets.lookalikes.orientations import NAMES
from datasets.lookalikes.thumbnails import Thumbnails
from datasets.pairs import pair_table

NEAR_VERSION = 3  # of everything that decides which pairs are found
# Among 1129 real radiographs and 300 drawn ones, unrelated pairs reach 0.77 where b would be a
# stretched or shifted part of a, 0.71 else; and none of 0.66 or more is as even as 0.55.
THRESHOLD = 0.72
STRANGE_THRESHOLD = 0.8
EVEN_THRESHOLD, EVEN = 0.68, 0.56

Guesses = dict[tuple[int, int], list[Overlay]]


@dataclass(frozen=True)
class Comparison:
    """Pictures `a` and `b` (rows of the thumbnails), and how b lies over a; None: not at all."""

    a: int
    b: int
    overlay: Overlay | None


def find_near(images: pd.DataFrame, thumbnails: Thumbnails, workers: int = 8) -> pd.DataFrame:
    """Find pairs of near-copies among images.

    Pictures with equal pixels are looked at once, under their smallest id.

    Args:
        images: columns image_id and pixel_hash, sorted by image_id.
        thumbnails: of these images, in their order.
        workers: threads.

    Returns:
        `pairs.PAIR_COLUMNS`: image_id_a < image_id_b, kind "near", score up to 1 (the
        correlation of the aligned pictures), transform: how b is had from a. Sorted.
    """
    first = np.flatnonzero(~images["pixel_hash"].duplicated().to_numpy())
    image_ids = images["image_id"].to_numpy()[first]
    found = compare_thumbnails(thumbnails.of(first), workers)
    return pair_table(
        (image_ids[a], image_ids[b], "near", min(1.0, overlay.score), _words(overlay))
        for a, b, overlay in ((one.a, one.b, one.overlay) for one in found)
        if overlay and is_copy(overlay)
    )


def is_copy(overlay: Overlay) -> bool:
    """Whether two pictures that lie like this over each other are taken for one."""
    if overlay.is_template:
        return False
    if overlay.evenness >= EVEN:
        return overlay.score >= EVEN_THRESHOLD
    return overlay.score >= (THRESHOLD if overlay.is_plain else STRANGE_THRESHOLD)


def compare_thumbnails(thumbnails: Thumbnails, workers: int = 8) -> list[Comparison]:
    """Compare every candidate pair, a < b once; also those that turn out not to be the same."""
    if len(thumbnails) < 2:
        return []
    candidates = find_candidates(describe(thumbnails, workers))
    return compare_pairs(thumbnails, guess_overlays(candidates, thumbnails), workers)


def guess_overlays(candidates: Candidates, thumbnails: Thumbnails) -> Guesses:
    """How b may lie over a, for each pair a < b that was asked for from either side."""
    columns = (candidates.asked, candidates.found, candidates.orientation, candidates.variant)
    guesses: Guesses = {}
    for asked, found, name, variant in zip(*(c.tolist() for c in columns), strict=True):
        motion = variant_motion(variant, float(thumbnails.aspects[found]))
        guess = Overlay(NAMES[name], motion)
        if asked < found:
            guesses.setdefault((asked, found), []).append(guess)
        else:
            guesses.setdefault((found, asked), []).append(guess.turned_round())
    return guesses


def compare_pairs(thumbnails: Thumbnails, guesses: Guesses, workers: int = 8) -> list[Comparison]:
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


def _words(overlay: Overlay) -> str:
    """The orientation, and how much of one picture the other shows where that is not all of it."""
    of_a, of_b = shares(overlay)
    if of_a < of_b and of_a < 0.95:
        return f"{overlay.orientation}, cropped to {100 * of_a:.0f} %"
    if of_b < 0.95:
        return f"{overlay.orientation}, widened from {100 * of_b:.0f} %"
    return overlay.orientation
