"""The batches of a training's successive epochs, and its place among them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

import torch
from torch import Tensor

from trainables.rows import Batch, Rows


class Batches:
    """The batches of successive epochs, with counts and the time spent waiting for them."""

    def __init__(self, rows: Rows, batch_size: int, seed: int, epoch_steps: int | None) -> None:
        """`epoch_steps`: of the optimiser in an epoch; None: an epoch is a pass over the rows."""
        self.steps, self.rows, self.waited_s = 0, 0, 0.0
        self._generator = torch.Generator().manual_seed(seed)
        self._begun, self._taken = self._generator.get_state(), 0  # of the pass in progress
        self._passes = self._all_passes(rows, batch_size)
        self._endless = chain.from_iterable(self._passes)
        self._epoch_steps = epoch_steps

    def _all_passes(self, rows: Rows, batch_size: int) -> Iterator[Iterator[Batch]]:
        """Endless passes over the rows."""
        while True:
            self._begun, self._taken = self._generator.get_state(), 0
            yield rows.shuffled(batch_size, self._generator)

    @property
    def place(self) -> Tensor:
        """The generator's state at the beginning of the pass in progress, or of the next one where
        an epoch is a pass."""
        return self._generator.get_state() if self._epoch_steps is None else self._begun

    @property
    def counts(self) -> dict[str, float]:
        taken = 0 if self._epoch_steps is None else self._taken
        counted = {"steps": self.steps, "rows": self.rows, "waited_s": self.waited_s}
        return {"taken": taken, **counted}

    def restore(self, place: Tensor, counts: Mapping[str, Any]) -> None:
        """Continue a pass that was interrupted after `taken` of its batches."""
        self._generator.set_state(place)
        for _ in islice(self._endless, counts["taken"]):
            self._taken += 1
        self.steps, self.rows = counts["steps"], counts["rows"]
        self.waited_s = counts["waited_s"]

    def epoch(self) -> Iterator[Batch]:
        """A pass over the rows, or the steps of one epoch, continuing where the last one ended."""
        if self._epoch_steps is None:
            return self._counted(next(self._passes))
        return self._counted(islice(self._endless, self._epoch_steps))

    def _counted(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        while True:
            started = time.perf_counter()
            batch = next(batches, None)
            self.waited_s += time.perf_counter() - started
            if batch is None:
                return
            self.steps, self.rows = self.steps + 1, self.rows + batch.global_size
            self._taken += 1
            yield batch
