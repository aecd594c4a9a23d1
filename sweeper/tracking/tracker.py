"""What a tracker does: it is given epochs, results of cells, and the page, each of them once."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

EPOCH_COLUMNS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_score", "lr")
"""What is logged of an epoch, as in the table `curves`."""

Curve = Sequence[Mapping[str, float | None]]
"""Epochs, as rows of the table `curves`."""

State = dict[str, Any]
"""What a tracker has to know again in a resumed run; as JSON."""


@dataclass(frozen=True)
class TrialName:
    """A trial as a reader finds it: its cell, its draw, and its hyperparameters."""

    key: str
    cell: str
    draw: int
    hyperparameters: Mapping[str, Any]

    @property
    def text(self) -> str:
        """`grouped/resnet50/all/none/transfer/draw1`."""
        return f"{self.cell}/draw{self.draw}"


@dataclass(frozen=True)
class CellResult:
    """A finished cell: its champion, its metrics on the test part, and the trained weights."""

    champion: TrialName
    metrics: Mapping[str, float]
    weights: bytes
    weights_file: str


def points(first: int, curve: Curve) -> Iterator[tuple[int, dict[str, float]]]:
    """The number of each epoch, from `first`, and what it has of `EPOCH_COLUMNS`."""
    for number, epoch in enumerate(curve, start=first):
        values = ((name, epoch[name]) for name in EPOCH_COLUMNS)
        yield number, {name: value for name, value in values if value is not None}


class Tracker(Protocol):
    """One open tracker."""

    state: State

    def epochs(self, trial: TrialName, first: int, curve: Curve) -> None:
        """Log epochs of a trial, the first of them number `first` (from 1)."""

    def cell(self, result: CellResult) -> None:
        """Log the result of a finished cell."""

    def page(self, page: Path) -> None:
        """Log the run's page."""

    def close(self) -> None:
        """Write everything out."""


Open = Callable[[str, str, State], Tracker]
"""Of the target in the configuration, the run's name, and the state of an earlier run."""


@dataclass(frozen=True)
class Entry:
    """A tracker that can be asked for.

    Args:
        name: its key in `tracking`.
        target: what the key means, for the reference.
        package: that it needs, as imported; `extra` installs it.
        open: opens it.
        errors: what its package raises, beside OSError, where its target does not answer.
    """

    name: str
    target: str
    package: str
    extra: str
    open: Open
    errors: Callable[[], tuple[type[Exception], ...]] = tuple

    @property
    def is_installed(self) -> bool:
        return importlib.util.find_spec(self.package) is not None
