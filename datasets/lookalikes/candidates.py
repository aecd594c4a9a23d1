"""Which pairs of pictures are worth comparing: nearest neighbours among compact descriptors.

A picture's descriptor is the low part of the cosine transform of its local contrast. Every picture
is entered several times: whole, cropped and turned a little; and asked for whole, under the eight
orientations (`orientations`). So a copy that was flipped, cropped or turned still meets an entry
that is near, and the entry that it meets says how the two lie over each other.

Entries are kept in cells of a fixed size, and a question looks into the nearest few cells only: the
cost grows with the number of pictures, not with its square (`python -m benchmarks duplicates`).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.lookalikes.orientations import NAMES, orient_cosines
from datasets.lookalikes.thumbnails import Image, Thumbnails, local_contrast

NEIGHBOURS = 8  # candidates that each picture has at most
_SIDE = 64
_FREQUENCIES = 8
_BLUR_PX, _LOCAL_PX = 10.0, 8.0
_CELL = 512  # entries
_PROBES = 8  # cells that a question looks into
_BLOCK = 4096  # pictures asked for at once
_HITS = 3  # for each pair of pictures: the ways in which they may lie over each other
_FLOOR = 0.5  # similarity under which no copy was ever seen

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]


def _variants() -> list[tuple[float, float, float, float]]:
    """How a picture is entered: degrees of tilt, centre (x, y) and side of what is seen of it."""
    tilts = [(degrees, 0.5, 0.5, 0.93) for degrees in (-6.0, 6.0)]
    tilts += [(degrees, 0.5, 0.5, 0.88) for degrees in (-11.0, 11.0)]
    corners = [(i, j) for i in (-1, 1) for j in (-1, 1)]
    edges = [(-1, 0), (1, 0), (0, -1), (0, 1)]
    wide = [(0.0, *_centre(i, j, 0.85), 0.85) for i, j in [(0, 0), *corners]]
    narrow = [(0.0, *_centre(i, j, 0.72), 0.72) for i, j in [(0, 0), *corners, *edges]]
    return [(0.0, 0.5, 0.5, 1.0), *tilts, *wide, *narrow]


def _centre(i: int, j: int, kept: float) -> tuple[float, float]:
    return 0.5 + i * (1 - kept) / 2, 0.5 + j * (1 - kept) / 2


VARIANTS = _variants()


def variant_motion(variant: int, aspect: float) -> NDArray[np.float64]:
    """(2, 3): from what is seen of a picture to the picture, both squeezed to squares of side 1.

    A tilt is one of the picture as displayed, of width / height `aspect`.
    """
    degrees, x, y, scale = VARIANTS[variant]
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    linear = scale * np.array([[cosine, -sine / aspect], [sine * aspect, cosine]])
    return np.column_stack([linear, np.array([x, y]) - linear.sum(axis=1) / 2])


_ROW, _COLUMN = np.mgrid[:_FREQUENCIES, :_FREQUENCIES]
_KEPT = (_ROW + _COLUMN > 0) & (_ROW**2 + _COLUMN**2 < _FREQUENCIES**2)
DIMENSIONS = int(_KEPT.sum())


def _window() -> NDArray[np.float32]:
    """A little less weight at the edges, which a crop or a tilt changes first."""
    edge = np.cos(np.linspace(-1, 1, _SIDE) * np.pi / 2).clip(0) ** 0.25
    return np.outer(edge, edge).astype(np.float32)


_WINDOW = _window()


@dataclass(frozen=True)
class Descriptors:
    """`entries` (V, N, D) and `questions` (8, N, D), each of length 1 (or 0 for a flat picture)."""

    entries: Vectors
    questions: Vectors


@dataclass(frozen=True)
class Candidates:
    """Picture `asked` laid down as `orientation` resembles `found` seen through `variant`; (M,)."""

    asked: Rows
    found: Rows
    orientation: Rows  # of orientations.NAMES
    variant: Rows  # of VARIANTS
    similarity: Vectors


def describe(thumbnails: Thumbnails, workers: int = 8) -> Descriptors:
    """Describe every picture: about 1.5 ms and 5 kB each."""
    count = len(thumbnails)
    cosines = np.zeros((len(VARIANTS), count, _FREQUENCIES, _FREQUENCIES), np.float32)

    def fill(number: int) -> None:
        cosines[:, number] = _cosines(thumbnails.pixels[number], thumbnails.aspects[number])

    with ThreadPoolExecutor(max_workers=workers) as pool:
        list(pool.map(fill, range(count)))
    questions = np.stack([_unit(orient_cosines(cosines[0], name)[:, _KEPT]) for name in NAMES])
    return Descriptors(_unit(cosines[:, :, _KEPT]), questions)


def find_candidates(
    descriptors: Descriptors, neighbours: int = NEIGHBOURS, probes: int = _PROBES
) -> Candidates:
    """The nearest entries of other pictures to every picture.

    Args:
        descriptors: as `describe` returns them.
        neighbours: the most candidates that one picture asks for.
        probes: cells that a question looks into; more find more, and take longer.

    Returns:
        Sorted by asked, then by the best similarity of each found; up to `_HITS` rows a pair, and a
        pair may be there from both of its sides.
    """
    cells = _Cells(descriptors.entries)
    count = descriptors.questions.shape[1]
    blocks = [
        cells.nearest(descriptors.questions[:, start : start + _BLOCK], start, neighbours, probes)
        for start in range(0, count, _BLOCK)
    ]
    columns = [np.concatenate(column) for column in zip(*blocks, strict=True)]
    return Candidates(*columns)


def _cosines(pixels: Image, aspect: float) -> Vectors:
    """(V, F, F) of one picture."""
    motions = [variant_motion(variant, aspect) for variant in range(len(VARIANTS))]
    found = [cv2.dct(_seen(pixels, motion))[:_FREQUENCIES, :_FREQUENCIES] for motion in motions]
    return np.stack(found)


def _seen(pixels: Image, motion: NDArray[np.float64]) -> Vectors:
    """The local contrast of a picture through one variant, (_SIDE, _SIDE)."""
    linear = motion[:, :2] * (len(pixels) / _SIDE)
    shift = motion[:, 2] * len(pixels) + linear.sum(axis=1) / 2 - 0.5
    flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    matrix = np.column_stack([linear, shift])
    seen = cv2.warpAffine(pixels, matrix, (_SIDE, _SIDE), flags=flags)
    return local_contrast(seen, _BLUR_PX, _LOCAL_PX) * _WINDOW


def _unit(vectors: NDArray[np.float32]) -> Vectors:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-6), np.float32)


class _Cells:
    """Entries by the nearest of some centres: an inverted file."""

    def __init__(self, entries: Vectors) -> None:
        self.variants, self.count, dimensions = entries.shape
        flat = entries.reshape(-1, dimensions)
        self.centres = _centres(flat, max(1, round(len(flat) / _CELL)))
        cell = _nearest_centres(flat, self.centres, 1)[:, 0]
        self.order = np.argsort(cell, kind="stable")
        self.entries = flat[self.order]
        self.starts = np.searchsorted(cell[self.order], np.arange(len(self.centres) + 1))

    def nearest(
        self, questions: Vectors, first: int, neighbours: int, probes: int
    ) -> tuple[Rows, Rows, Rows, Rows, Vectors]:
        """For questions (8, B, D) of the pictures `first`...: the columns of `Candidates`."""
        hits = list(self._hits(questions.reshape(-1, questions.shape[-1]), neighbours, probes))
        question, entry, similarity = (np.concatenate(part) for part in zip(*hits, strict=True))
        block = questions.shape[1]
        asked, found = question % block + first, entry % self.count
        keep = (asked != found) & (similarity >= _FLOOR)
        asked, found, similarity = asked[keep], found[keep], similarity[keep]
        orientation, variant = (question // block)[keep], (entry // self.count)[keep]
        chosen = _best_of_each(asked, found, similarity, neighbours)
        return (
            asked[chosen],
            found[chosen],
            orientation[chosen],
            variant[chosen],
            similarity[chosen],
        )

    def _hits(
        self, questions: Vectors, neighbours: int, probes: int
    ) -> Iterator[tuple[Rows, Rows, Vectors]]:
        """(question, entry, similarity) of the best in each probed cell."""
        probed = _nearest_centres(questions, self.centres, min(probes, len(self.centres)))
        cell = probed.ravel()
        order = np.argsort(cell, kind="stable")
        bounds = np.searchsorted(cell[order], np.arange(len(self.centres) + 1))
        for number in range(len(self.centres)):
            asking = order[bounds[number] : bounds[number + 1]] // probed.shape[1]
            members = slice(self.starts[number], self.starts[number + 1])
            if len(asking) == 0 or members.start == members.stop:
                continue
            similarity = questions[asking] @ self.entries[members].T
            best = _largest(similarity, 2 * neighbours)
            rows = np.repeat(asking, best.shape[1])
            yield (
                rows,
                self.order[members][best.ravel()],
                np.take_along_axis(similarity, best, 1).ravel(),
            )


def _centres(vectors: Vectors, count: int, rounds: int = 4) -> Vectors:
    """Spherical k-means of a sample; the same for the same vectors."""
    generator = np.random.default_rng(0)
    sample = generator.choice(len(vectors), min(len(vectors), 64 * count), replace=False)
    sampled = vectors[np.sort(sample)]
    centres = sampled[generator.choice(len(sampled), count, replace=False)]
    for _ in range(rounds):
        cell = _nearest_centres(sampled, centres, 1)[:, 0]
        sums = np.zeros_like(centres)
        np.add.at(sums, cell, sampled)
        used = np.bincount(cell, minlength=count) > 0
        centres = np.where(used[:, None], _unit(sums), centres)
    return centres


def _nearest_centres(vectors: Vectors, centres: Vectors, count: int) -> Rows:
    """(N, count): the nearest centres of each vector, in blocks that stay small."""
    rows = 16_384
    blocks = [
        _largest(vectors[start : start + rows] @ centres.T, count)
        for start in range(0, len(vectors), rows)
    ]
    return np.concatenate(blocks)


def _largest(values: Vectors, count: int) -> Rows:
    """(N, count) columns of the largest values of each row, in no order."""
    if count == 1:
        return np.asarray(values.argmax(axis=1)[:, None])
    if count >= values.shape[1]:
        return np.tile(np.arange(values.shape[1]), (len(values), 1))
    return np.asarray(np.argpartition(values, -count, axis=1)[:, -count:])


def _best_of_each(asked: Rows, found: Rows, similarity: Vectors, neighbours: int) -> Rows:
    """Rows of the best few hits of each pair (asked, found), for the best few found of each."""
    order = np.lexsort((-similarity, found, asked))
    starts = _starts(asked[order], found[order])
    rank = np.arange(len(order)) - starts  # of a hit in its pair
    best = similarity[order[starts]]
    order, best = order[rank < _HITS], best[rank < _HITS]
    order = order[np.lexsort((-similarity[order], found[order], -best, asked[order]))]
    is_first = _starts(asked[order], found[order]) == np.arange(len(order))
    number = np.cumsum(is_first)  # of a pair
    before = number[_starts(asked[order])] if len(order) else number
    return np.asarray(order[number - before < neighbours])


def _starts(*columns: Rows) -> Rows:
    """For sorted rows, where the run of equal values that each row lies in begins."""
    if len(columns[0]) == 0:
        return np.zeros(0, np.int64)
    changes = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    firsts = np.flatnonzero(np.concatenate([[True], changes]))
    return np.repeat(firsts, np.diff(np.append(firsts, len(columns[0]))))
