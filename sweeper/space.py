"""Hyperparameter draws of a cell.

Draw 0 is the published setting. The others come from one generator per (cell, hyperparameter name),
so that neither another cell nor more draws changes a draw (the idea is DomainBed's). A combination
that came before is skipped: a cell never trains the same thing twice.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


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
    cell_id: str, published: Hyperparameters, space: Mapping[str, Sequence[object]], draws: int
) -> list[Hyperparameters]:
    """Up to `draws` distinct settings, fewer where the space has no more; the first is `published`.

    `space` maps lr, batch_size and hidden to the values to choose from.
    """
    generators = {name: _generator(cell_id, name) for name in space}
    drawn = [published]
    size = len({_setting(values) for values in _product(space)} | {published})
    while len(drawn) < min(draws, size):
        setting = _setting({name: generators[name].choice(space[name]) for name in space})
        if setting not in drawn:
            drawn.append(setting)
    return drawn


def _generator(cell_id: str, name: str) -> random.Random:
    return random.Random(hashlib.sha256(f"{cell_id}:{name}".encode()).digest())


def _product(space: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    points: list[dict[str, object]] = [{}]
    for name, values in space.items():
        points = [{**point, name: value} for point in points for value in values]
    return points


def _setting(values: Mapping[str, object]) -> Hyperparameters:
    lr, batch_size, hidden = values["lr"], values["batch_size"], values["hidden"]
    assert isinstance(lr, float | int)
    assert isinstance(batch_size, int)
    assert isinstance(hidden, Sequence)
    return Hyperparameters(float(lr), batch_size, tuple(hidden))
