"""Assignment of whole groups to parts, as close to the class quotas as possible.

A greedy draw, large groups first (`quotas.draw_parts`), then local search over moves of one group
and swaps of two; then the same from other draws, and from the best so far with a few groups put
elsewhere. All arithmetic is in whole numbers, so that a seed gives one split on every machine.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datasets.splitting.quotas import ClassCounts, Counts, draw_parts

_ROUNDS = 24
_KICKED = 4  # groups put elsewhere
_MOST_KINDS = 96  # compared in one step, of each part; more are sampled
_SCALE = 1 << 20
_EMPTY = 1 << 40  # a class that misses a part outweighs any deviation within it


def balance_parts(
    units: list[ClassCounts], quotas: Counts, generator: np.random.Generator
) -> list[int]:
    """Draw a part for each unit such that the parts deviate from the quotas as little as found.

    Where the first draw meets the quotas, as it does when all units are single, it is the result.

    Args:
        units: what is parted as a whole.
        quotas: (C, J) int64, rows wanted of each class in each part.
        generator: all that the result depends on besides.

    Returns:
        The part's index (a column of `quotas`) of each unit.
    """
    best: _Search | None = None
    for turn in range(_ROUNDS):
        start = (
            _kicked(best.parts, quotas.shape[1], generator)
            if best and turn % 2
            else draw_parts(units, quotas, generator)
        )
        search = _Search(units, start, quotas, generator)
        search.descend()
        if best is None or search.deviation < best.deviation:
            best = search
        if best.deviation == 0:
            break
    return best.parts if best else []


def _kicked(parts: list[int], among: int, generator: np.random.Generator) -> list[int]:
    """The parts with a few units reassigned at random."""
    parts = list(parts)
    for unit in generator.integers(len(parts), size=_KICKED).tolist():
        parts[unit] = int(generator.integers(among))
    return parts


def deviation(units: list[ClassCounts], parts: Sequence[int], quotas: Counts) -> int:
    """The deviation of the parts from their quotas; 0 where they meet them.

    The sum over classes, and all classes together, of (rows - quota)^2 / (quota + 1) in units of
    2^-20, so that one row too many weighs more in a small part; and 2^40 for each class that
    misses a part in which it has a quota.
    """
    return _Search(units, list(parts), quotas, np.random.default_rng(0)).deviation


class _Search:
    """Descends from a given assignment. Units of the same class counts are of one *kind*: they are
    interchangeable, so moves are compared between kinds."""

    def __init__(
        self,
        units: list[ClassCounts],
        parts: list[int],
        quotas: Counts,
        generator: np.random.Generator,
    ) -> None:
        self.parts, self.generator = parts, generator
        kinds = {counts: kind for kind, counts in enumerate(dict.fromkeys(units))}
        self.rows = np.array([_row(counts, len(quotas)) for counts in kinds])  # (kinds, C + 1)
        self.members: list[list[list[int]]] = [[[] for _ in quotas.T] for _ in kinds]
        for unit, (counts, part) in enumerate(zip(units, parts, strict=True)):
            self.members[kinds[counts]][part].append(unit)
        self.wanted = np.vstack([quotas, quotas.sum(axis=0)])  # (C + 1, J), the last: all classes
        self.weights = _SCALE // (self.wanted + 1) + 1
        self.counts = np.zeros_like(self.wanted)
        for unit, part in enumerate(parts):
            self.counts[:, part] += self.rows[kinds[units[unit]]]

    @property
    def deviation(self) -> int:
        return sum(int(self._cost(self.counts[:, j], j)) for j in range(self.counts.shape[1]))

    def descend(self) -> None:
        """Take the best move between two parts for as long as any reduces the deviation."""
        last = self.counts.shape[1]
        pairs = [(p, q) for p in range(last) for q in range(p + 1, last)]
        improved = self.deviation > 0
        while improved:
            moved = [self._step(*pairs[i]) for i in self.generator.permutation(len(pairs))]
            improved = any(moved)

    def _step(self, p: int, q: int) -> bool:
        """Exchange a unit of part p for one of part q, or move one, if that helps."""
        there, here = self._kinds_in(p), self._kinds_in(q)
        leaving = self._rows_of(there)[:, None] - self._rows_of(here)[None]  # (P, Q, C + 1)
        cost = self._cost(self.counts[:, p] - leaving, p) + self._cost(
            self.counts[:, q] + leaving, q
        )
        now = self._cost(self.counts[:, p], p) + self._cost(self.counts[:, q], q)
        i, j = np.unravel_index(int(cost.argmin()), cost.shape)
        if cost[i, j] >= now:
            return False
        self.counts[:, p] -= leaving[i, j]
        self.counts[:, q] += leaving[i, j]
        moves = [(there[i], p, q), (here[j], q, p)]
        units = [self._take(kind, source) for kind, source, _ in moves]
        for unit, (kind, _, target) in zip(units, moves, strict=True):
            if unit is not None:
                self.members[kind][target].append(unit)
                self.parts[unit] = target
        return True

    def _kinds_in(self, part: int) -> list[int]:
        """The kinds that have a unit in a part, a sample of them if they are many; -1: no unit."""
        kinds = [kind for kind, where in enumerate(self.members) if where[part]]
        if len(kinds) > _MOST_KINDS:
            kinds = sorted(self.generator.choice(kinds, _MOST_KINDS, replace=False).tolist())
        return [-1, *kinds]

    def _rows_of(self, kinds: list[int]) -> NDArray[np.int64]:
        nothing = np.zeros((1, self.rows.shape[1]), np.int64)
        return np.concatenate([nothing, self.rows[kinds[1:]]])

    def _take(self, kind: int, part: int) -> int | None:
        """Remove a random unit of a kind from a part."""
        if kind < 0:
            return None
        members = self.members[kind][part]
        return members.pop(int(self.generator.integers(len(members))))

    def _cost(self, counts: Counts, part: int) -> Counts:
        """The deviation of a part's rows (..., C + 1) from its quotas: (...)."""
        wanted, weights = self.wanted[:, part], self.weights[:, part]
        missing = (counts == 0) & (wanted > 0)
        cost: Counts = ((counts - wanted) ** 2 * weights + missing * _EMPTY).sum(axis=-1)
        return cost


def _row(counts: ClassCounts, classes: int) -> list[int]:
    row = [0] * (classes + 1)
    for class_index, count in counts:
        row[class_index] += count
        row[-1] += count
    return row
