"""Decide which rows each worker of an extraction takes next.

A worker stays with its network until all rows of it have been handed out, because loading another
one takes seconds. Then it takes the longest pass that nobody works on, and when there is none it
joins the one that would last longest. So the longest pass begins first, few networks are loaded,
and no worker is idle while rows are left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Work:
    """The units of one pass, each a number below `units`, and the cost of a unit."""

    units: int
    cost: float


class Unit(NamedTuple):
    """Rows of a pass: the numbers of the pass and of the unit in it."""

    of_pass: int
    number: int


class Order:
    """Hands out the units of several passes."""

    def __init__(self, works: Sequence[Work]) -> None:
        self._costs = [work.cost for work in works]
        self._waiting = [
            deque(Unit(number, unit) for unit in range(work.units))
            for number, work in enumerate(works)
        ]
        self._at: dict[Hashable, int] = {}  # worker -> the pass that it works on

    @property
    def waiting(self) -> int:
        """Units that nobody has taken."""
        return sum(map(len, self._waiting))

    def take(self, worker: Hashable) -> Unit | None:
        """The next unit of a worker; None if there is none left."""
        if not self._has_units(self._at.get(worker)):
            self._at.pop(worker, None)
            chosen = self._choose()
            if chosen is None:
                return None
            self._at[worker] = chosen
        return self._waiting[self._at[worker]].popleft()

    def put_back(self, unit: Unit) -> None:
        """Hand a unit out again, before the others of its pass."""
        self._waiting[unit.of_pass].appendleft(unit)

    def forget(self, worker: Hashable) -> None:
        """A worker takes no further units."""
        self._at.pop(worker, None)

    def drop(self, of_pass: int) -> None:
        """Hand out no more units of a pass."""
        self._waiting[of_pass].clear()

    def _has_units(self, of_pass: int | None) -> bool:
        return of_pass is not None and bool(self._waiting[of_pass])

    def _choose(self) -> int | None:
        """The pass of an idle worker."""
        workers = list(self._at.values())
        left = {
            number: self._costs[number] * len(units)
            for number, units in enumerate(self._waiting)
            if units
        }
        free = {number: cost for number, cost in left.items() if number not in workers}
        if free:
            return max(free, key=free.__getitem__)
        return max(left, key=lambda n: left[n] / (workers.count(n) + 1), default=None)
