"""Recall and precision of the search for near-copies, for copies as people really make them.

    python -m benchmarks duplicates --images --planted 0 --everyday 60 [--folder DIR] [--hashes DIR]

Copies of every kind of `datasets.lookalikes.everyday` are planted among all images of a folder at
once (drawn ones without it). A pair is right if its images show the same original, or originals
that our search finds to be copies, for every method. `--hashes` compares with the hashes of
imagededup, which gets an environment of its own in that folder. `--foreign` counts pairs in sets
without copies.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import foreign
from benchmarks.peers.environment import python_of
from datasets.decoding.small_pictures import small_pictures
from datasets.lookalikes.everyday import HELD_OUT, USUAL, disguise
from datasets.lookalikes.near import find_copies
from datasets.lookalikes.thumbnails import Thumbnails

Image = NDArray[np.uint8]
Pairs = set[tuple[int, int]]
HASHES = ("PHash", "DHash", "WHash", "AHash")
_MOST_BITS = 10  # of 64 that may differ: imagededup's default


@dataclass(frozen=True)
class Planted:
    """`pictures`: originals, then copies. `kinds` and `sources` (rows of the originals that it
    shows) are of the copies, in their order."""

    pictures: list[Image]
    kinds: list[str]
    sources: list[frozenset[int]]

    @property
    def originals(self) -> int:
        return len(self.pictures) - len(self.kinds)


def plant_everyday(images: Sequence[Image], each: int, seed: int) -> Planted:
    """Add `each` copies of every kind, of originals that are drawn anew for each kind."""
    rng = np.random.default_rng(seed)
    planted = Planted(list(images), [], [])
    for kind in (*USUAL, *HELD_OUT):
        for row in rng.choice(len(images), min(each, len(images)), replace=False).tolist():
            other = int(rng.integers(len(images)))
            planted.pictures.append(disguise(images[row], kind, images[other], rng))
            planted.kinds.append(kind)
            shows_both = kind in ("joined", "collage")
            planted.sources.append(frozenset({row, other} if shows_both else {row}))
    return planted


def everyday_rows(planted: Planted, environment: Path | None) -> list[dict[str, Any]]:
    """One row per kind of the search, and of each hash if there is an environment for them."""
    found = {"ours": our_pairs(planted.pictures)}
    if environment:
        found |= hashed_pairs(planted.pictures, environment)
    mates = mates_of(found["ours"], planted.originals)
    return [
        {"method": name, **row}
        for name, pairs in found.items()
        for row in measure(planted, pairs, mates)
    ]


def measure(planted: Planted, pairs: Pairs, mates: Sequence[int]) -> Iterator[dict[str, Any]]:
    """One row per kind: copies found as such, right pairs and false ones; `mates` is the group of
    every original."""
    shown = [{row} for row in range(planted.originals)] + [set(one) for one in planted.sources]
    groups = [{mates[row] for row in one} for one in shown]
    right, false, found = defaultdict[str, int](int), defaultdict[str, int](int), set[int]()
    for a, b in pairs:
        if b < planted.originals:
            continue
        kind = planted.kinds[b - planted.originals]
        if groups[a] & groups[b]:
            right[kind] += 1
            found |= {b} if a < planted.originals else set()
        else:
            false[kind] += 1
    for kind in dict.fromkeys(planted.kinds):
        rows = [n + planted.originals for n, one in enumerate(planted.kinds) if one == kind]
        yield {
            "kind": kind,
            "held_out": kind in HELD_OUT,
            "planted": len(rows),
            "found": len(found & set(rows)),
            "right_pairs": right[kind],
            "false_pairs": false[kind],
        }


def mates_of(pairs: Pairs, originals: int) -> list[int]:
    """The group of every original, by the pairs between originals."""
    group = list(range(originals))
    for a, b in sorted(pairs):
        if b < originals:
            old, new = group[b], group[a]
            group = [new if one == old else one for one in group]
    return group


def our_pairs(pictures: Sequence[Image]) -> Pairs:
    """The pairs that the search finds."""
    small = [small_pictures(_colour(picture)) for picture in pictures]
    thumbnails = Thumbnails(
        np.stack([one.thumbnail_pixels() for one in small]),
        np.array([picture.shape[1] / picture.shape[0] for picture in pictures]),
        [one.preview for one in small],
    )
    return {(copy.a, copy.b) for copy in find_copies(thumbnails)}


def _colour(picture: Image) -> Image:
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def hashed_pairs(pictures: Sequence[Image], environment: Path) -> dict[str, Pairs]:
    """The pairs that each of imagededup's hashes finds, at its default threshold."""
    python = python_of(environment, ("imagededup",))
    with tempfile.TemporaryDirectory() as folder:
        for row, picture in enumerate(pictures):
            cv2.imwrite(f"{folder}/{row:06d}.png", _colour(picture)[..., ::-1])
        script = Path(__file__).with_name("imagededup_hashes.py")
        done = subprocess.run(
            [str(python), "-P", str(script), folder, *HASHES], check=True, stdout=subprocess.PIPE
        )
    hashes = json.loads(done.stdout.splitlines()[-1])
    return {name: _near(hashes[name]) for name in HASHES}


def _near(hashes: dict[str, str]) -> Pairs:
    """Pairs of rows whose 64-bit hashes, as hexadecimal, differ in few bits."""
    bits = np.array([int(hashes[name], 16) for name in sorted(hashes)], np.uint64)
    pairs: Pairs = set()
    for row, one in enumerate(bits):
        near = np.flatnonzero(np.bitwise_count(bits[row + 1 :] ^ one) <= _MOST_BITS)
        pairs |= {(row, row + 1 + other) for other in near.tolist()}
    return pairs


def false_pairs(most: int) -> Iterator[dict[str, Any]]:
    """One row per foreign set: the pairs that are found in it."""
    for name, make in foreign.SETS.items():
        pictures = make(most)
        found = len(our_pairs(pictures))
        per_thousand = 1000 * found / len(pictures)
        yield {
            "set": name,
            "images": len(pictures),
            "false_pairs": found,
            "per_thousand": per_thousand,
        }
