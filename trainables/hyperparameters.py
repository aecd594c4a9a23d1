"""Hyperparameters: what trials are tuned over. This is the one list.

An entry is a key of `search` in a configuration (the values to draw from) and of `search.published`
(draw 0), a field of every draw, and a column of the tables `cells` and `trials`. To add one: an
entry here, and the line that reads its value: of the optimiser below, or of the loop or the head.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt, Le, MaxLen

if TYPE_CHECKING:
    from torch import nn, optim

ALWAYS = object()
"""`Hyperparameter.neutral` of one that is in the key of every trial."""


@dataclass(frozen=True)
class Hyperparameter:
    """One entry. Values are numbers, texts or lists of them."""

    name: str
    title: str
    type: Any  # of a value, with its bounds
    published: Any  # of draw 0, unless a configuration says otherwise
    values: Sequence[Any]  # searched, likewise
    meaning: str
    of_head: bool = (
        False  # the head's shape: a trial that starts from a trained head has that one's
    )
    neutral: Any = ALWAYS  # trains as before there was this entry: left out of a trial's key

    def column(self, value: Any) -> Any:
        """The value in the tables: a list as `512-128`, an empty one as `none`."""
        if isinstance(value, list | tuple):
            return "-".join(map(str, value)) or "none"
        return value


HYPERPARAMETERS: Mapping[str, Hyperparameter] = {
    one.name: one
    for one in (
        Hyperparameter(
            "lr",
            "learning rate",
            Annotated[float, Gt(0), Le(10)],
            published=1e-3,
            # Around where champions of 30 epochs lie; the paper's 1e-5 learns next to nothing.
            values=(3e-3, 1e-3, 3e-4, 1e-4),
            meaning="learning rate of the optimiser",
        ),
        Hyperparameter(
            "batch_size",
            "batch size",
            Annotated[int, Ge(2), Le(65536)],
            published=16,
            values=(8, 16, 32),
            meaning="rows of an optimiser step, all workers together",
        ),
        Hyperparameter(
            "hidden",
            "hidden layers",
            Annotated[list[Annotated[int, Ge(1), Le(65536)]], MaxLen(16)],
            published=(512, 128),
            values=((256, 256, 128), (512, 128)),
            meaning="widths of the head's hidden layers",
            of_head=True,
        ),
    )
}


def keyed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a draw that belongs into a trial's key, in plain JSON values."""
    found = {name: plain(value) for name, value in values.items()}
    return {k: v for k, v in found.items() if v != plain(HYPERPARAMETERS[k].neutral)}


def plain(value: Any) -> Any:
    """A value as JSON has it: a tuple as a list."""
    return list(value) if isinstance(value, tuple) else value


def build_optimiser(
    parameters: Iterable[nn.Parameter], values: Mapping[str, Any]
) -> optim.Optimizer:
    """The optimiser of a draw: Adam with Keras' epsilon."""
    from torch import optim  # seconds to import, and a configuration needs the list alone

    return optim.Adam(parameters, lr=values["lr"], eps=1e-7, fused=True)
