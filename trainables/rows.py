"""Labelled rows for the training loop: shuffled batches to train on, ordered ones to evaluate.

With several processes every rank takes its share of each global batch: `batch[rank::world]`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
import torch.distributed as dist
from torch import Tensor

_EVALUATION_BATCH = 256


class Batch(NamedTuple):
    """This rank's share of a global batch of `global_size` rows. Label -100 marks padding."""

    inputs: Tensor  # (b, ...)
    labels: Tensor  # (b,) int64
    global_size: int


class Rows(Protocol):
    """The training rows of a trial."""

    def __len__(self) -> int:
        """The number of rows over all ranks."""

    def shuffled(self, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
        """One epoch: every row once, in an order drawn from `generator` (on the CPU)."""

    def sample(self, every: int, turn: int) -> Iterator[Batch] | None:
        """One of every `every` rows, in as few batches as memory allows.

        The position within the `every` rows rotates from row to row and with `turn`. None if
        computing the rows again would take long.
        """


class IndexedRows(ABC):
    """Rows with random access; `labels` (n,) int64 are on the device of the inputs."""

    labels: Tensor
    evaluation_batch = _EVALUATION_BATCH

    @abstractmethod
    def inputs(self, rows: Tensor) -> Tensor:
        """Inputs (b, ...) of the row numbers (b,) int64, on the labels' device."""

    def __len__(self) -> int:
        return len(self.labels)

    def shuffled(self, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self), generator=generator).to(self.labels.device)
        yield from self.shares(order, batch_size)

    def sample(self, every: int, turn: int) -> Iterator[Batch] | None:
        return None

    def shares(self, order: Tensor, batch_size: int) -> Iterator[Batch]:
        """This rank's share of each global batch."""
        rank, world = rank_and_world()
        for batch in batches(order, batch_size, smallest=max(2, world)):
            share = batch[rank::world]
            yield Batch(self.inputs(share), self.labels[share], len(batch))

    def ordered(self, rank: int = 0, world: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and labels of the rows rank, rank + world, ..., in large batches."""
        share = torch.arange(rank, len(self), world, device=self.labels.device)
        for batch in share.split(self.evaluation_batch):
            yield self.inputs(batch), self.labels[batch]


def count_batches(count: int, batch_size: int, smallest: int = 2) -> int:
    """The number of `batches` for `count` rows."""
    full, rest = divmod(count, batch_size)
    return max(1, full + (rest >= smallest))


def batches(order: Tensor, batch_size: int, smallest: int = 2) -> Iterator[Tensor]:
    """Split row numbers into batches; a last batch under `smallest` rows joins the one before.

    BatchNorm cannot train on a single row, nor a rank on none.
    """
    parts = list(order.split(batch_size))
    if len(parts) > 1 and len(parts[-1]) < smallest:
        parts[-2:] = [torch.cat(parts[-2:])]
    yield from parts


def rank_and_world() -> tuple[int, int]:
    """This process's rank and the number of processes; 0, 1 if it trains alone."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1
