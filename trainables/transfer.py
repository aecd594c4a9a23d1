"""Transfer learning: train a head on pooled features, without running the backbone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from trainables.activations import ActivationTable
from trainables.heads import build_head
from trainables.resident import RowMemory, resident_rows
from trainables.rows import Batch, IndexedRows

_SAMPLE_BATCH = 1 << 14  # rows; a head's activations are small


class PooledRows(IndexedRows):
    """Pooled features of a trial's rows: (n, C) float32, labels (n,) int64.

    They are held in the machine's memory; on a GPU, there if `memory` has room for all of them.
    """

    def __init__(
        self,
        table: ActivationTable,
        numbers: np.ndarray,
        labels: np.ndarray,
        device: torch.device,
        memory: RowMemory | None = None,
    ) -> None:
        self.labels = torch.from_numpy(labels).to(device)
        self.features = resident_rows(table, numbers, device, memory or RowMemory())
        if len(self.features) < len(numbers):
            self.features = torch.from_numpy(table.gather(numbers))

    def inputs(self, rows: Tensor) -> Tensor:
        return self.features[rows.to(self.features.device)].to(rows.device)

    def sample(self, every: int, turn: int) -> Iterator[Batch]:
        """For rows sorted by image and copy, with `every` copies per image: each image once."""
        numbers = torch.arange(0, len(self), every)
        numbers = (numbers + (torch.arange(len(numbers)) + turn) % every).clamp_max(len(self) - 1)
        return self.shares(numbers.to(self.labels.device), _SAMPLE_BATCH)


def transfer_module(
    feature_dim: int, hidden: Sequence[int], classes: int, seed: int, dropout: float = 0.2
) -> nn.Sequential:
    """A freshly initialised head, whose weights are named `head.*`; the process's generator is left
    seeded for its dropout."""
    torch.manual_seed(seed)
    return nn.Sequential(OrderedDict(head=build_head(feature_dim, hidden, classes, dropout)))
