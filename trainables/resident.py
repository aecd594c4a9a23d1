"""Keep rows of an activation table on a trial's device, as far as their share of its memory goes.

The share is one of the whole memory. What is free at the moment depends on the trials that run
beside, and on what torch still holds of the trial before: the same trial would get another share
each time.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainables.activations import ActivationTable

_SHARE = 0.6  # the rest is for the network, its gradients and activations, and CUDA itself
_CHUNK_BYTES = 64 << 20  # of rows that are read at once; more would fill the machine's memory


class RowMemory:
    """The bytes that a trial's rows may take on its device, of all parts of its split together."""

    def __init__(self, total_bytes: int = 0) -> None:
        self.total_bytes, self.taken_bytes = total_bytes, 0

    @classmethod
    def of(cls, device: torch.device, share: float) -> RowMemory:
        """That of a trial with this share of the device; none on the CPU, where tables are mapped
        into memory."""
        if device.type != "cuda":
            return cls()
        memory = torch.cuda.get_device_properties(device).total_memory
        return cls(int(memory * share * _SHARE))

    @property
    def left_bytes(self) -> int:
        return self.total_bytes - self.taken_bytes


def resident_rows(
    table: ActivationTable, numbers: np.ndarray, device: torch.device, memory: RowMemory
) -> Tensor:
    """As many of the rows `numbers` (n,) as fit, from the first: (m, ...) in the table's dtype.

    None of them if the device runs out of memory, which other processes may have taken.
    """
    row_bytes = int(np.prod(table.shape)) * table.dtype.itemsize
    count = min(len(numbers), memory.left_bytes // row_bytes)
    dtype = torch.from_numpy(np.empty(0, table.dtype)).dtype
    try:
        rows = torch.empty((count, *table.shape), dtype=dtype, device=device)
        step = max(1, _CHUNK_BYTES // row_bytes)
        for start in range(0, count, step):
            chunk = numbers[start : min(start + step, count)]
            rows[start : start + len(chunk)] = torch.from_numpy(table.gather(chunk))
    except torch.OutOfMemoryError:
        rows = torch.empty((0, *table.shape), dtype=dtype, device=device)
    memory.taken_bytes += len(rows) * row_bytes
    return rows
