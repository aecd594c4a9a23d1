"""Near-copies: pictures that were stored again, resized, cropped, exposed, flipped or turned.

Three steps: every file is decoded once to a thumbnail; `candidates` asks for the nearest neighbours
of each; `alignment` lays every candidate pair over each other and compares the pictures themselves.
Only the last decides. Of a large set of copies not every pair is told, but their links connect it.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd

from datasets.alignment import Overlay, compare, shares
from datasets.candidates import NEIGHBOURS, Candidates, describe, find_candidates, variant_motion
from datasets.orientations import NAMES
from datasets.pairs import pair_table
from datasets.thumbnails import Thumbnails, read_thumbnails

NEAR_VERSION = 1  # of everything that decides which pairs are found
THRESHOLD = 0.69  # unrelated pairs of 1129 real radiographs reach 0.68; copies begin at 0.70

Guesses = dict[tuple[int, int], list[Overlay]]


@dataclass(frozen=True)
class Comparison:
    """Pictures `a` and `b` (rows of the thumbnails), and how b lies over a; None: not at all."""

    a: int
    b: int
    overlay: Overlay | None


def find_near(root: str, images: pd.DataFrame, workers: int = 8) -> pd.DataFrame:
    """Find pairs of near-copies among images.

    Pictures with equal pixels are looked at once, under their smallest id.

    Args:
        root: the folder that `path` is relative to.
        images: columns image_id, path, pixel_hash; files that can be decoded.
        workers: threads.

    Returns:
        `pairs.PAIR_COLUMNS`: image_id_a < image_id_b, kind "near", score `THRESHOLD`..1 (the
        correlation of the aligned pictures), transform: how b is had from a. Sorted; the same for
        the same images in any order.
    """
    images = images.sort_values("image_id").drop_duplicates("pixel_hash").reset_index(drop=True)
    thumbnails = read_thumbnails(root, list(images["path"]), workers)
    image_ids = list(images["image_id"])
    return pair_table(
        (
            image_ids[one.a],
            image_ids[one.b],
            "near",
            min(1.0, one.overlay.score),
            _words(one.overlay),
        )
        for one in compare_thumbnails(thumbnails, workers)
        if one.overlay and one.overlay.score >= THRESHOLD
    )


def compare_thumbnails(
    thumbnails: Thumbnails, workers: int = 8, neighbours: int = NEIGHBOURS
) -> list[Comparison]:
    """Compare every candidate pair, a < b once; also those that turn out not to be the same."""
    if len(thumbnails) < 2:
        return []
    guesses = _guesses(find_candidates(describe(thumbnails, workers), neighbours), thumbnails)
    pairs = sorted(guesses)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        overlays = list(pool.map(lambda pair: _compare(thumbnails, *pair, guesses[pair]), pairs))
    return [Comparison(*pair, overlay) for pair, overlay in zip(pairs, overlays, strict=True)]


def _guesses(candidates: Candidates, thumbnails: Thumbnails) -> Guesses:
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


def _compare(thumbnails: Thumbnails, a: int, b: int, guesses: list[Overlay]) -> Overlay | None:
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
