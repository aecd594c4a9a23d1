"""Find pairs of pictures that may show the same, by votes of their local features.

Every feature votes for the pictures that hold the features most similar to it. It has a few votes
only, so features that many pictures share, such as those of a viewer's frame, scatter theirs. A
pair's votes count if they agree on its rotation and scale (Lowe 2004, section 7.3).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from datasets.lookalikes.features import Features
from datasets.lookalikes.inverted_file import InvertedFile

_VOTING = 0.6  # of the most features that a picture has
_PROBES = 3
_VOTES = 4  # of a feature
_LEAST_SIMILARITY = 0.8
_LEAST_VOTES = 3
_MOST_RIVALS = 10  # pairs that are kept for the sake of one picture
_TURNS, _OCTAVES = 12, 32  # bins of rotation and scale
_WAYS = tuple(product((False, True), (False, True)))  # mirrored, inverted

Rows = NDArray[np.int64]
Reals = NDArray[np.float32]


@dataclass(frozen=True)
class Vote:
    """`votes` features say that picture `a`, mirrored or inverted, and `b` > a show the same."""

    a: int
    b: int
    mirrored: bool
    inverted: bool
    votes: int


def find_voted(described: Sequence[Features]) -> list[Vote]:
    """The pairs with the most votes of each picture, sorted; each once, seen the best way."""
    if not any(map(len, described)):
        return []
    index = _Index(described)
    best: dict[tuple[int, int], Vote] = {}
    for mirrored, inverted in _WAYS:
        for a, b, votes in index.counted(mirrored, inverted):
            if (a, b) not in best or votes > best[a, b].votes:
                best[a, b] = Vote(a, b, mirrored, inverted, votes)
    return _strongest(best.values())


class _Index:
    """The features of all pictures, by their descriptors."""

    def __init__(self, described: Sequence[Features]) -> None:
        counts = [len(one) for one in described]
        self.described, self.each = described, round(_VOTING * max(counts))
        self.picture = np.repeat(np.arange(len(described)), counts)
        self.points = np.concatenate([one.points for one in described])
        self.file = InvertedFile(np.concatenate([one.descriptors for one in described]))
        rank = np.concatenate([np.arange(count) for count in counts])
        self.voters = np.flatnonzero(rank < self.each)

    def counted(self, mirrored: bool, inverted: bool) -> list[tuple[int, int, int]]:
        """(a, b, votes) of the pairs with enough votes, seen one way."""
        seen = [one.seen(mirrored, inverted) for one in self.described]
        asked = np.concatenate([one.descriptors[: self.each] for one in seen])
        points = np.concatenate([one.points[: self.each] for one in seen])
        voter, entry = self._nearest(asked)
        a, b = self.picture[self.voters[voter]], self.picture[entry]
        turn = self.points[entry, 3] - points[voter, 3]
        octave = np.log2(self.points[entry, 2] / points[voter, 2])
        # From b to a, the scale is the inverse, and so is a rotation unless there is a mirror.
        turn = turn if mirrored else np.where(a > b, -turn, turn)
        octave = np.where(a > b, -octave, octave)
        pair = np.minimum(a, b) * len(self.described) + np.maximum(a, b)
        pairs, votes = _agreeing(pair, turn, octave)
        return list(
            zip(
                (pairs // len(self.described)).tolist(),
                (pairs % len(self.described)).tolist(),
                votes.tolist(),
                strict=True,
            )
        )

    def _nearest(self, asked: NDArray[np.float16]) -> tuple[Rows, Rows]:
        """(voter, entry) of the entries of other pictures that are most similar to each voter."""
        own = self.picture[self.voters]
        found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))]
        for querying, members, similarity in self.file.search(asked, _PROBES):
            similarity[own[querying][:, None] == self.picture[members][None]] = -1
            for _ in range(2):  # of each cell
                best = similarity.argmax(axis=1)
                values = np.take_along_axis(similarity, best[:, None], 1)[:, 0]
                keep = values >= _LEAST_SIMILARITY
                found.append((querying[keep], members[best[keep]], values[keep]))
                np.put_along_axis(similarity, best[:, None], -1, 1)
        voter, entry, values = (np.concatenate(column) for column in zip(*found, strict=True))
        order = np.lexsort((-values, voter))
        voter, entry = voter[order], entry[order]
        first = np.searchsorted(voter, voter)
        keep = np.arange(len(voter)) - first < _VOTES
        return voter[keep], entry[keep]


def _agreeing(pair: Rows, turn: Reals, octave: Reals) -> tuple[Rows, Rows]:
    """The pairs with enough votes in one bin of rotation and scale, and how many.

    Votes are counted in four grids of bins, half a bin apart, as a pair may lie on an edge.
    """
    pairs, votes = [], []
    for across, along in product((0.0, 0.5), (0.0, 0.5)):
        turned = np.floor(turn % 360 * (_TURNS / 360) + across).astype(np.int64) % _TURNS
        scaled = np.floor(octave + along).astype(np.int64) % _OCTAVES
        keys, counts = np.unique((pair * _TURNS + turned) * _OCTAVES + scaled, return_counts=True)
        enough = counts >= _LEAST_VOTES
        pairs.append(keys[enough] // (_TURNS * _OCTAVES))
        votes.append(counts[enough])
    found, number = np.concatenate(pairs), np.concatenate(votes)
    order = np.lexsort((-number, found))
    distinct, first = np.unique(found[order], return_index=True)
    return distinct, number[order][first]


def _strongest(found: Iterable[Vote]) -> list[Vote]:
    """The pairs that are among the best of either picture."""
    kept: dict[int, int] = {}
    chosen = []
    for vote in sorted(found, key=lambda vote: (-vote.votes, vote.a, vote.b)):
        if min(kept.get(vote.a, 0), kept.get(vote.b, 0)) < _MOST_RIVALS:
            chosen.append(vote)
            for row in (vote.a, vote.b):
                kept[row] = kept.get(row, 0) + 1
    return sorted(chosen, key=lambda vote: (vote.a, vote.b))
