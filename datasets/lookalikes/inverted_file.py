"""An inverted file of vectors: each is kept in the cell of its nearest centre.

A cell holds a fixed number of vectors on average, and a query is compared with those of the nearest
few cells only, so that the cost of a search grows with the number of queries.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CELL = 512  # vectors
_SAMPLED = 64  # vectors per centre, by which the centres are found
_BLOCK = 16_384  # vectors assigned at once

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]


class InvertedFile:
    """Vectors (N, D) of length 1, by cell. They may be float16, to take half the memory."""

    def __init__(self, vectors: NDArray[Any]) -> None:
        self._centres = _centres(vectors, max(1, round(len(vectors) / _CELL)))
        cell = _nearest_centres(vectors, self._centres, 1)[:, 0]
        self._members = np.argsort(cell, kind="stable")
        self._vectors = vectors[self._members]
        self._starts = np.searchsorted(cell[self._members], np.arange(len(self._centres) + 1))

    def search(self, queries: NDArray[Any], probes: int) -> Iterator[tuple[Rows, Rows, Vectors]]:
        """Cell by cell: the queries (P,) that probe it, its members (M,), and their products."""
        probed = _nearest_centres(queries, self._centres, min(probes, len(self._centres)))
        cell = probed.ravel()
        order = np.argsort(cell, kind="stable")
        bounds = np.searchsorted(cell[order], np.arange(len(self._centres) + 1))
        for number in range(len(self._centres)):
            querying = order[bounds[number] : bounds[number + 1]] // probed.shape[1]
            cell_rows = slice(self._starts[number], self._starts[number + 1])
            if len(querying) and cell_rows.start < cell_rows.stop:
                members = self._vectors[cell_rows].astype(np.float32)
                products = queries[querying].astype(np.float32) @ members.T
                yield querying, self._members[cell_rows], products


def largest(values: Vectors, count: int) -> Rows:
    """(N, count): the columns of the largest values of each row, unordered."""
    if count == 1:
        return np.asarray(values.argmax(axis=1)[:, None])
    if count >= values.shape[1]:
        return np.tile(np.arange(values.shape[1]), (len(values), 1))
    return np.asarray(np.argpartition(values, -count, axis=1)[:, -count:])


def unit(vectors: Vectors) -> Vectors:
    """Scale to length 1; zeros stay zeros."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-6), np.float32)


def _centres(vectors: NDArray[Any], count: int, rounds: int = 4) -> Vectors:
    """Spherical k-means of a sample; deterministic."""
    generator = np.random.default_rng(0)
    sample = generator.choice(len(vectors), min(len(vectors), _SAMPLED * count), replace=False)
    sampled = vectors[np.sort(sample)].astype(np.float32)
    centres = sampled[generator.choice(len(sampled), count, replace=False)]
    for _ in range(rounds):
        cell = _nearest_centres(sampled, centres, 1)[:, 0]
        sums = np.zeros_like(centres)
        np.add.at(sums, cell, sampled)
        used = np.bincount(cell, minlength=count) > 0
        centres = np.where(used[:, None], unit(sums), centres)
    return centres


def _nearest_centres(vectors: NDArray[Any], centres: Vectors, count: int) -> Rows:
    """(N, count): the nearest centres of each vector, computed in blocks to save memory."""
    blocks = [
        largest(vectors[start : start + _BLOCK].astype(np.float32) @ centres.T, count)
        for start in range(0, len(vectors), _BLOCK)
    ]
    return np.concatenate(blocks)
