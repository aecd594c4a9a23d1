"""Class-balanced sampling: a pass shows every class as often as the largest one."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from trainables.rows import Batch, IndexedRows, Rows


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Row numbers of a pass, shuffled: each class has as many as the largest one.

    Every row of a class occurs equally often to within one; which occur once more is drawn anew.

    Args:
        labels: (n,) int64 on the CPU.
        generator: of the draw, on the CPU.
    """
    largest = int(labels.bincount().max())
    drawn = []
    for label in labels.unique().tolist():
        rows = (labels == label).nonzero().squeeze(1)
        times, rest = divmod(largest, len(rows))
        drawn += [rows.repeat(times), rows[torch.randperm(len(rows), generator=generator)[:rest]]]
    chosen = torch.cat(drawn)
    return chosen[torch.randperm(len(chosen), generator=generator)]


def sampled(rows: Rows, sampling: str) -> Rows:
    """The rows as a draw samples them. Streamed rows come as their stream was made."""
    return BalancedRows(rows) if sampling == "balanced" and isinstance(rows, IndexedRows) else rows


class BalancedRows:
    """Rows whose passes are class-balanced: `trainables.rows.Rows`. `len` is that of the rows."""

    def __init__(self, rows: IndexedRows) -> None:
        self.rows = rows
        self._labels = rows.labels.cpu()

    def __len__(self) -> int:
        return len(self.rows)

    def shuffled(self, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
        order = balanced_order(self._labels, generator).to(self.rows.labels.device)
        yield from self.rows.shares(order, batch_size)

    def sample(self, every: int, turn: int) -> Iterator[Batch] | None:
        return self.rows.sample(every, turn)
