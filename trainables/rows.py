"""Labelled rows as the training loop takes them: shuffled batches to train, all in order to score.

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
    """This rank's share of a global batch of `in_all` rows. A label of -100 does not count."""

    inputs: Tensor  # (b, ...)
    labels: Tensor  # (b,) int64
    in_all: int


class Rows(Protocol):
    """What a trial trains on."""

    def __len__(self) -> int:
        """Rows of all ranks together."""

    def shuffled(self, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
        """One epoch: every row once, in an order drawn from `generator` (on the CPU)."""

    def sample(self, every: int, turn: int) -> Iterator[Batch] | None:
        """One of every `every` rows, in as few batches as memory allows: which one goes round from
        row to row and with `turn`. None where computing them once more takes long."""


class IndexedRows(ABC):
    """Rows that can be had by their number, (n,) `labels` int64 on the device of the inputs."""

    labels: Tensor
    evaluation_batch = _EVALUATION_BATCH

    @abstractmethod
    def inputs(self, rows: Tensor) -> Tensor:
        """Inputs (b, ...) of the row numbers (b,) int64, on the labels' device."""

    def __len__(self) -> int:
        return len(self.labels)

    def shuffled(self, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self), generator=generator).to(self.labels.device)
        yield from self._shares(order, batch_size)

    def sample(self, every: int, turn: int) -> Iterator[Batch] | None:
        return None

    def _shares(self, order: Tensor, batch_size: int) -> Iterator[Batch]:
        """This rank's share of each global batch."""
        rank, world = rank_and_world()
        for batch in batches(order, batch_size, smallest=max(2, world)):
            mine = batch[rank::world]
            yield Batch(self.inputs(mine), self.labels[mine], len(batch))

    def ordered(self, rank: int = 0, world: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and labels of the rows rank, rank + world, ..., in large batches."""
        share = torch.arange(rank, len(self), world, device=self.labels.device)
        for batch in share.split(self.evaluation_batch):
            yield self.inputs(batch), self.labels[batch]


def count_batches(count: int, batch_size: int, smallest: int = 2) -> int:
    """How many `batches` that many rows make."""
    full, rest = divmod(count, batch_size)
    return max(1, full + (rest >= smallest))


def batches(order: Tensor, batch_size: int, smallest: int = 2) -> Iterator[Tensor]:
    """Row numbers in batches. A last batch under `smallest` rows joins the one before: BatchNorm
    cannot train on a single row, nor a rank on none."""
    parts = list(order.split(batch_size))
    if len(parts) > 1 and len(parts[-1]) < smallest:
        parts[-2:] = [torch.cat(parts[-2:])]
    yield from parts


def rank_and_world() -> tuple[int, int]:
    """This process's number and how many train together; 0, 1 where it trains alone."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1
