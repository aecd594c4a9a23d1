"""Near-copies: how the search grows with the number of images, and what share of copies it finds.

    python -m benchmarks duplicates [--images 1000 2000 4000 8000] [--folder DIR] [--planted 60]
        [--everyday 60] [--hashes DIR] [--foreign 1000] [--seed 0]

Growth: thumbnails made of parts of drawn radiographs laid over one another (some share a part, and
are found), in ever larger sets. Seconds are processor time, which a busy machine does not stretch;
the steps run on several cores. The hours at 100,000 follow from the growth between the smallest and
the largest set, and take no growth for less than linear. Recall: copies of the images of a folder
(drawn ones without it) are planted among all of them: `--planted` of every alteration and strength
of `datasets.lookalikes.planted` are searched as whole pictures, `--everyday` of every kind of
`datasets.lookalikes.everyday` by the whole search, beside the hashes of imagededup, which gets an
environment of its own in `--hashes`. `--foreign` counts pairs in sets without copies.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.everyday import everyday_rows, false_pairs, plant_everyday
from benchmarks.report import tell
from datasets.decoding.decode import decode_image, read_file
from datasets.drawn.synthetic import FRACTURE_TYPES, draw_radiograph, write_synthetic
from datasets.lookalikes.candidates import Descriptors, compute_descriptors, find_candidates
from datasets.lookalikes.near import (
    LEAST_INITIAL,
    THRESHOLD,
    Comparison,
    compare_pairs,
    guess_overlays,
    is_copy,
)
from datasets.lookalikes.parts import describe, find_parts
from datasets.lookalikes.planted import ALTERATIONS, plant
from datasets.lookalikes.thumbnails import SIDE, Thumbnails, thumbnail
from datasets.sources import list_folder

Image = NDArray[np.uint8]
_GOAL = 100_000
_DRAWN = 200
_STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks duplicates", description=__doc__)
    parser.add_argument("--images", nargs="*", type=int, default=[1000, 2000, 4000])
    parser.add_argument("--folder", help="a folder of class folders to plant copies of")
    parser.add_argument(
        "--planted", type=int, default=40, help="copies for each alteration and strength"
    )
    parser.add_argument("--everyday", type=int, default=0, help="copies of each everyday kind")
    parser.add_argument("--hashes", type=Path, help="folder for an environment with imagededup")
    parser.add_argument("--foreign", type=int, default=0, help="images of each foreign set")
    parser.add_argument("--seed", type=int, default=0, help="draws the everyday copies")
    options = parser.parse_args(arguments)
    if options.images:
        rows = list(_growth(sorted(options.images)))
        tell("duplicates-growth", rows, {"decode_ms_per_image": _decode_ms()})
    if options.planted:
        images = _images(options.folder)
        recall = list(_recall(images, options.planted))
        about = {"images": len(images), "threshold": THRESHOLD, "drawn": options.folder is None}
        tell("duplicates-recall", recall, about)
    if options.everyday:
        images = _images(options.folder)
        about = {"images": len(images), "seed": options.seed, "drawn": options.folder is None}
        planted = plant_everyday(images, options.everyday, options.seed)
        tell("duplicates-everyday", everyday_rows(planted, options.hashes), about)
    if options.foreign:
        tell("duplicates-foreign", list(false_pairs(options.foreign)), {})


def _growth(counts: Sequence[int]) -> Iterator[dict[str, Any]]:
    first: dict[str, float] = {}
    for count in counts:
        thumbnails = _varied(count)
        marks = [time.process_time()]
        descriptors = compute_descriptors(thumbnails)
        marks.append(time.process_time())
        guesses = guess_overlays(find_candidates(descriptors), thumbnails)
        marks.append(time.process_time())
        compared = compare_pairs(thumbnails, guesses, least=LEAST_INITIAL)
        marks.append(time.process_time())
        find_parts(thumbnails, describe(thumbnails))
        marks.append(time.process_time())
        steps = ("describe_s", "search_s", "compare_s", "parts_s")
        seconds = dict(zip(steps, np.diff(marks).tolist(), strict=True))
        found = sum(one.overlay is not None and is_copy(one.overlay) for one in compared)
        yield {
            "images": count,
            **seconds,
            "pairs_compared": len(compared),
            "pairs_found": found,
            "hours_for_100k": _expected(first, seconds, count) / 3600,
        }
        first = first or {"images": count, **seconds}


def _expected(first: dict[str, float], seconds: dict[str, float], count: int) -> float:
    """Seconds at 100,000 images, each step with the exponent it grew by since the first row."""
    total = 0.0
    for name, value in seconds.items():
        exponent = 1.0
        if first:
            exponent = max(1.0, math.log(value / first[name], count / first["images"]))
        total += value * (_GOAL / count) ** exponent
    return float(total)


def _varied(count: int) -> Thumbnails:
    """Thumbnails of parts of two drawn images each, laid over one another."""
    generator = np.random.default_rng(0)
    drawn = [draw_radiograph(FRACTURE_TYPES[n % 10], n) for n in range(_DRAWN)]
    pixels = np.zeros((count, SIDE, SIDE), np.uint8)
    for number in range(count):
        parts = [
            thumbnail(plant(drawn[generator.integers(_DRAWN)], "mixed", 1.0, generator))
            for _ in range(2)
        ]
        share = generator.uniform(0.35, 0.65)
        pixels[number] = cv2.addWeighted(parts[0], share, parts[1], 1 - share, 0)
    previews = [cv2.imencode(".jpg", one)[1].tobytes() for one in pixels]
    return Thumbnails(pixels, generator.uniform(0.6, 1.2, count), previews)


def _decode_ms() -> float:
    with tempfile.TemporaryDirectory() as folder:
        write_synthetic(Path(folder), 10, 0)
        paths = [file.path for file in list_folder(folder)]
        started = time.perf_counter()
        for path in paths:
            thumbnail(decode_image(read_file(Path(folder, path))))
        return 1000 * (time.perf_counter() - started) / len(paths)


def _images(folder: str | None) -> list[Image]:
    if folder is None:
        return [draw_radiograph(FRACTURE_TYPES[n % 10], n) for n in range(_DRAWN)]
    return [decode_image((Path(folder) / f.path).read_bytes()) for f in list_folder(folder)]


def _recall(images: list[Image], planted: int) -> Iterator[dict[str, Any]]:
    """One row per alteration and strength; links to other images count for planted copies only."""
    generator = np.random.default_rng(0)
    originals = _thumbnails(images)
    known = compute_descriptors(originals)
    mates = _linked(originals)
    for alteration in ALTERATIONS:
        strengths = (1.0,) if alteration.startswith(("flip", "rotate")) else _STRENGTHS
        for strength in strengths:
            chosen = generator.choice(len(images), min(planted, len(images)), replace=False)
            copies = [plant(images[number], alteration, strength, generator) for number in chosen]
            yield {
                "alteration": alteration,
                "strength": strength,
                **_found((originals, known), _thumbnails(copies), chosen.tolist(), mates),
            }


def _found(
    known: tuple[Thumbnails, Descriptors],
    copies: Thumbnails,
    sources: list[int],
    mates: dict[int, set[int]],
) -> dict[str, Any]:
    """Recall and wrong links of copies planted among the originals."""
    first, scores, wrong = len(known[0]), dict[int, float](), 0
    for one in _compared_with(known, copies):
        if one.overlay is None or not is_copy(one.overlay):
            continue
        a = sources[one.a - first] if one.a >= first else one.a
        source = sources[one.b - first]
        if a in mates[source]:
            scores[one.b] = max(scores.get(one.b, 0.0), one.overlay.score)
        else:
            wrong += 1
    return {
        "planted": len(copies),
        "recall": len(scores) / len(copies),
        "lowest_score": min(scores.values(), default=math.nan),
        "wrong_pairs": wrong,
    }


def _compared_with(known: tuple[Thumbnails, Descriptors], copies: Thumbnails) -> list[Comparison]:
    """Every comparison that a copy takes part in; copies are numbered after the originals."""
    originals, described = known
    new = compute_descriptors(copies)
    together = Thumbnails(
        np.concatenate([originals.pixels, copies.pixels]),
        np.concatenate([originals.aspects, copies.aspects]),
    )
    descriptors = Descriptors(
        np.concatenate([described.entries, new.entries], axis=1),
        np.concatenate([described.queries, new.queries], axis=1),
    )
    guesses = guess_overlays(find_candidates(descriptors), together)
    with_copy = {pair: found for pair, found in guesses.items() if pair[1] >= len(originals)}
    return compare_pairs(together, with_copy)


def _linked(thumbnails: Thumbnails) -> dict[int, set[int]]:
    """For each picture, itself and what is taken for a copy of it before anything is planted."""
    mates = {number: {number} for number in range(len(thumbnails))}
    guesses = guess_overlays(find_candidates(compute_descriptors(thumbnails)), thumbnails)
    for one in compare_pairs(thumbnails, guesses):
        if one.overlay and is_copy(one.overlay):
            both = mates[one.a] | mates[one.b]
            for number in both:
                mates[number] = both
    return mates


def _thumbnails(images: Sequence[Image]) -> Thumbnails:
    aspects = np.array([image.shape[1] / image.shape[0] for image in images])
    return Thumbnails(np.stack([thumbnail(image) for image in images]), aspects)
