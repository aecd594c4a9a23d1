"""Draw hyperparameters: the same for all cells of a strategy and recipe, so that the comparison is
fair.

Draw 0 is the recipe's default setting. Among any number of draws, the values of a list occur
equally often to within one (a default that is in the list counts), ranges are covered evenly, and
no setting occurs twice. The order of values and the start of ranges come from a generator seeded by
the strategy and the hyperparameter's name (the idea is DomainBed's), so more draws, or another
hyperparameter after those that are there, change no draw.

The first list cycles through its values, 0 1 2 0 1 2 ...; the next one cycles through its own and
skips one whenever the two together would repeat, and so on: a Latin square if both have equally
many values. Ranges follow Halton's sequence, each in a prime base of its own, shifted.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sweeper.config.search_space import Range, Space
from trainables.hyperparameters import plain

Draw = dict[str, Any]
"""The value of each hyperparameter; lists as tuples."""

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)
_MOST_TRIED = 20  # draws for each one wanted, where ranges of whole numbers repeat


def draw_hyperparameters(
    strategy: str,
    default: Mapping[str, Any],
    space: Mapping[str, Space],
    draws: int,
    settle: Callable[[Draw], Draw] = dict,
) -> list[Draw]:
    """Up to `draws` distinct settings, fewer where the space has no more; the first is `default`.

    `space` maps every hyperparameter to what it is drawn from. Where `default` is not in it, the
    other draws are balanced among themselves. `settle` maps draws that train alike to one.
    """
    first = {name: _fixed(value) for name, value in default.items()}
    lists: dict[str, list[Any]] = {}
    ranges: dict[str, Range] = {}
    for name in first:
        if isinstance(values := space[name], Range):
            ranges[name] = values
        else:
            lists[name] = _shuffled(strategy, name, values, first[name])
    sizes = [len(values) for values in lists.values()]
    found: dict[tuple[Any, ...], Draw] = {}
    for number in range(-1, _MOST_TRIED * draws if ranges else math.prod(sizes)):
        if len(found) == draws:
            break
        drawn = first if number < 0 else _drawn(strategy, number, lists, ranges, sizes)
        one = settle({name: drawn[name] for name in first})
        found.setdefault(tuple(one.values()), one)
    return list(found.values())


def _drawn(
    strategy: str,
    number: int,
    lists: Mapping[str, Sequence[Any]],
    ranges: Mapping[str, Range],
    sizes: Sequence[int],
) -> Draw:
    shares = {name: _share(strategy, name, list(ranges), number) for name in ranges}
    listed = dict(zip(lists, _listed(number, lists, sizes), strict=True))
    return listed | {name: one.at(shares[name]) for name, one in ranges.items()}


def _listed(number: int, lists: Mapping[str, Sequence[Any]], sizes: Sequence[int]) -> list[Any]:
    point = _point(number, sizes)
    return [values[at] for values, at in zip(lists.values(), point, strict=True)]


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _shuffled(strategy: str, name: str, values: Sequence[Any], default: Any) -> list[Any]:
    """The distinct values, the default first if it is among them."""
    distinct = sorted({_fixed(plain(value)) for value in values}, key=repr)
    _generator(strategy, name).shuffle(distinct)
    return sorted(distinct, key=lambda value: value != default)


def _generator(strategy: str, name: str) -> random.Random:
    return random.Random(hashlib.sha256(f"{strategy}:{name}".encode()).digest())


def _point(number: int, sizes: Sequence[int]) -> list[int]:
    """Which value of each list the draw takes.

    With P settings of those before it and k values, the next list cycles through its values in step
    with the draws: after lcm(P, k) draws the pairs would repeat, so it skips one. Each
    (setting, value) comes once in P k draws, each value once in every k.
    """
    point, before = [], 1
    for size in sizes:
        period = math.lcm(before, size)
        before *= size
        point.append((number + number % before // period) % size)
    return point


def _share(strategy: str, name: str, names: Sequence[str], number: int) -> float:
    """Where in a range the draw lies, 0..1: the radical inverse of its number, shifted."""
    base, shift = _PRIMES[names.index(name) % len(_PRIMES)], _generator(strategy, name).random()
    share, scale = 0.0, 1.0
    while number:
        number, digit = divmod(number, base)
        scale /= base
        share += digit * scale
    return (share + shift) % 1.0
