"""Find candidate pairs of near-copies: nearest neighbours among compact descriptors.

An image's descriptor is the low-frequency part of the cosine transform of its local contrast. Every
image has several entries: whole, cropped and slightly rotated. It is queried as a whole, in all
eight orientations (`orientations`). So a copy that was flipped, cropped or rotated still finds a
close entry, and that entry gives the initial alignment.

Entries are stored in cells of a fixed size, and a query searches the nearest few cells only: the
cost grows linearly with the number of images (`python -m benchmarks duplicates`).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.decoding.readers import WORKERS
from datasets.lookalikes.inverted_file import InvertedFile, largest, unit
from datasets.lookalikes.orientations import NAMES, orient_cosines
from datasets.lookalikes.thumbnails import Image, Thumbnails, local_contrast

NEIGHBOURS = 5  # maximum number of candidates per image
_SIDE = 64
_FREQUENCIES = 8
_BLUR_PX, _LOCAL_PX = 10.0, 8.0
_PROBES = 8  # cells that a query searches
_BLOCK = 4096  # images queried at once
_HITS = 3  # initial alignments per pair of images
_MIN_SIMILARITY = 0.5  # no copy was observed below

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]


def _variants() -> list[tuple[float, float, float, float]]:
    """The views with an entry: degrees of tilt, centre (x, y) and side of the visible square."""
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
    """(2, 3): from a view to the whole image, both squeezed to unit squares.

    The tilt applies to the image as displayed, of width / height `aspect`.
    """
    degrees, x, y, scale = VARIANTS[variant]
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    linear = scale * np.array([[cosine, -sine / aspect], [sine * aspect, cosine]])
    return np.column_stack([linear, np.array([x, y]) - linear.sum(axis=1) / 2])


_ROW, _COLUMN = np.mgrid[:_FREQUENCIES, :_FREQUENCIES]
_KEPT = (_ROW + _COLUMN > 0) & (_ROW**2 + _COLUMN**2 < _FREQUENCIES**2)
DIMENSIONS = int(_KEPT.sum())


def _window() -> NDArray[np.float32]:
    """Slightly less weight at the edges, which a crop or a tilt changes first."""
    edge = np.cos(np.linspace(-1, 1, _SIDE) * np.pi / 2).clip(0) ** 0.25
    return np.outer(edge, edge).astype(np.float32)


_WINDOW = _window()


@dataclass(frozen=True)
class Descriptors:
    """`entries` (V, N, D) and `queries` (8, N, D), each of length 1 (or 0 for a flat image)."""

    entries: Vectors
    queries: Vectors


@dataclass(frozen=True)
class Candidates:
    """Image `queried` in `orientation` resembles the view `variant` of `found`; each (M,)."""

    queried: Rows
    found: Rows
    orientation: Rows  # of orientations.NAMES
    variant: Rows  # of VARIANTS
    similarity: Vectors


def compute_descriptors(thumbnails: Thumbnails, workers: int = WORKERS) -> Descriptors:
    """Compute the descriptors of every image: about 1.5 ms and 5 kB each."""
    count = len(thumbnails)
    cosines = np.zeros((len(VARIANTS), count, _FREQUENCIES, _FREQUENCIES), np.float32)

    def fill(number: int) -> None:
        cosines[:, number] = _cosines(thumbnails.pixels[number], thumbnails.aspects[number])

    with ThreadPoolExecutor(max_workers=workers) as pool:
        list(pool.map(fill, range(count)))
    queries = np.stack([unit(orient_cosines(cosines[0], name)[:, _KEPT]) for name in NAMES])
    return Descriptors(unit(cosines[:, :, _KEPT]), queries)


def find_candidates(
    descriptors: Descriptors, neighbours: int = NEIGHBOURS, probes: int = _PROBES
) -> Candidates:
    """Find the entries of other images nearest to every image.

    Args:
        descriptors: as `compute_descriptors` returns them.
        neighbours: the maximum number of candidates per image.
        probes: cells that a query searches; more find more, and take longer.

    Returns:
        Sorted by queried, then by the best similarity of each found; up to `_HITS` rows per pair. A
        pair may occur in both directions.
    """
    cells = _Cells(descriptors.entries)
    count = descriptors.queries.shape[1]
    blocks = [
        cells.nearest(descriptors.queries[:, start : start + _BLOCK], start, neighbours, probes)
        for start in range(0, count, _BLOCK)
    ]
    columns = [np.concatenate(column) for column in zip(*blocks, strict=True)]
    return Candidates(*columns)


def _cosines(pixels: Image, aspect: float) -> Vectors:
    """The low frequencies (V, F, F) of all views of one image."""
    motions = [variant_motion(variant, aspect) for variant in range(len(VARIANTS))]
    found = [cv2.dct(_view(pixels, motion))[:_FREQUENCIES, :_FREQUENCIES] for motion in motions]
    return np.stack(found)


def _view(pixels: Image, motion: NDArray[np.float64]) -> Vectors:
    """The local contrast of one view of an image, (_SIDE, _SIDE)."""
    linear = motion[:, :2] * (len(pixels) / _SIDE)
    shift = motion[:, 2] * len(pixels) + linear.sum(axis=1) / 2 - 0.5
    flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    matrix = np.column_stack([linear, shift])
    view = cv2.warpAffine(pixels, matrix, (_SIDE, _SIDE), flags=flags)
    return local_contrast(view, _BLUR_PX, _LOCAL_PX) * _WINDOW


class _Cells:
    """The entries of all images, in an inverted file."""

    def __init__(self, entries: Vectors) -> None:
        self.count = entries.shape[1]
        self.file = InvertedFile(entries.reshape(-1, entries.shape[-1]))

    def nearest(
        self, queries: Vectors, first: int, neighbours: int, probes: int
    ) -> tuple[Rows, Rows, Rows, Rows, Vectors]:
        """The columns of `Candidates` for queries (8, B, D) of the images from `first` on."""
        hits = list(self._hits(queries.reshape(-1, queries.shape[-1]), neighbours, probes))
        query, entry, similarity = (np.concatenate(part) for part in zip(*hits, strict=True))
        block = queries.shape[1]
        queried, found = query % block + first, entry % self.count
        keep = (queried != found) & (similarity >= _MIN_SIMILARITY)
        queried, found, similarity = queried[keep], found[keep], similarity[keep]
        orientation, variant = (query // block)[keep], (entry // self.count)[keep]
        chosen = _best_of_each(queried, found, similarity, neighbours)
        return (
            queried[chosen],
            found[chosen],
            orientation[chosen],
            variant[chosen],
            similarity[chosen],
        )

    def _hits(
        self, queries: Vectors, neighbours: int, probes: int
    ) -> Iterator[tuple[Rows, Rows, Vectors]]:
        """(query, entry, similarity) of the best in each probed cell."""
        for querying, members, similarity in self.file.search(queries, probes):
            best = largest(similarity, 2 * neighbours)
            yield (
                np.repeat(querying, best.shape[1]),
                members[best.ravel()],
                np.take_along_axis(similarity, best, 1).ravel(),
            )


def _best_of_each(queried: Rows, found: Rows, similarity: Vectors, neighbours: int) -> Rows:
    """Rows of the best hits of each pair (queried, found), for the best found of each queried."""
    order = np.lexsort((-similarity, found, queried))
    starts = _starts(queried[order], found[order])
    rank = np.arange(len(order)) - starts  # of a hit in its pair
    best = similarity[order[starts]]
    order, best = order[rank < _HITS], best[rank < _HITS]
    order = order[np.lexsort((-similarity[order], found[order], -best, queried[order]))]
    is_first = _starts(queried[order], found[order]) == np.arange(len(order))
    number = np.cumsum(is_first)  # of a pair
    before = number[_starts(queried[order])] if len(order) else number
    return np.asarray(order[number - before < neighbours])


def _starts(*columns: Rows) -> Rows:
    """For each of the sorted rows, the start of its run of equal values."""
    if len(columns[0]) == 0:
        return np.zeros(0, np.int64)
    changes = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    firsts = np.flatnonzero(np.concatenate([[True], changes]))
    return np.repeat(firsts, np.diff(np.append(firsts, len(columns[0]))))
