"""Hyperparameter draws of a strategy: the same for all of its cells, so that the contest is even.

Draw 0 is the published setting. Among any number of draws each value of a hyperparameter occurs as
often as any other, give or take one (a published value that is in the space counts), and no setting
occurs twice. What a value is called on the way is shuffled by a generator seeded by the strategy
and the hyperparameter's name (the idea is DomainBed's), so more draws, or another hyperparameter
after those that are there, change no draw.

The first hyperparameter goes round its values, 0 1 2 0 1 2 ...; the next one goes round its own and
moves on by one whenever the two together would repeat, and so on: a Latin square where both have as
many values.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Hyperparameters:
    """What a trial is tuned over."""

    lr: float
    batch_size: int
    hidden: tuple[int, ...]

    @property
    def hidden_text(self) -> str:
        """The `hidden` column of the tables, such as 512-128; `none` without hidden layers."""
        return "-".join(map(str, self.hidden)) or "none"


def draw_hyperparameters(
    strategy: str, published: Hyperparameters, space: Mapping[str, Sequence[object]], draws: int
) -> list[Hyperparameters]:
    """Up to `draws` distinct settings, fewer where the space has no more; the first is `published`.

    `space` maps lr, batch_size and hidden to the values to choose from. Where `published` is not in
    it, the other draws are balanced among themselves.
    """
    names = [field.name for field in fields(Hyperparameters)]
    values = {name: _shuffled(strategy, name, space[name], published) for name in names}
    sizes = [len(each) for each in values.values()]
    points = (_point(number, sizes) for number in range(min(draws, math.prod(sizes))))
    drawn = [
        _setting({name: values[name][at] for name, at in zip(values, point, strict=True)})
        for point in points
    ]
    return list(dict.fromkeys([published, *drawn]))[:draws]


def _shuffled(
    strategy: str, name: str, values: Sequence[object], published: Hyperparameters
) -> list[object]:
    """The distinct values, the published one first if it is among them."""
    distinct = sorted({_plain(value) for value in values}, key=repr)
    seed = hashlib.sha256(f"{strategy}:{name}".encode()).digest()
    random.Random(seed).shuffle(distinct)
    return sorted(distinct, key=lambda value: value != getattr(published, name))


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, Sequence) else value


def _point(number: int, sizes: Sequence[int]) -> list[int]:
    """Which value of each hyperparameter the draw takes.

    With P settings of those before it and k values, the next hyperparameter goes round its values
    in step with the draws: after lcm(P, k) draws the pairs would repeat, so it moves on by one.
    Each (setting, value) comes once in P k draws, each value once in every k.
    """
    point, before = [], 1
    for size in sizes:
        period = math.lcm(before, size)
        before *= size
        point.append((number + number % before // period) % size)
    return point


def _setting(values: Mapping[str, object]) -> Hyperparameters:
    lr, batch_size, hidden = values["lr"], values["batch_size"], values["hidden"]
    assert isinstance(lr, float | int)
    assert isinstance(batch_size, int)
    assert isinstance(hidden, Sequence)
    return Hyperparameters(float(lr), batch_size, tuple(hidden))
