"""What this machine can do at most: arithmetic, memory, and what a piece of work needs of both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

_SIDE = 1536
_COPIED = 256 << 20  # bytes


@dataclass(frozen=True)
class Machine:
    """One thread's measured peaks."""

    flop_per_s: float  # of a float32 matrix product
    bytes_per_s: float  # read and written by a copy

    def ideal_s(self, flop: float, moved_bytes: float) -> float:
        """The roofline: whichever takes longer."""
        return max(flop / self.flop_per_s, moved_bytes / self.bytes_per_s)


def measure_machine(repeats: int = 8) -> Machine:
    """Best of some repeats, on one thread."""
    a, b = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    source, target = torch.ones(_COPIED // 4), torch.zeros(_COPIED // 4)
    return Machine(
        2 * _SIDE**3 / _best_s(lambda: torch.mm(a, b), repeats),
        2 * _COPIED / _best_s(lambda: target.copy_(source), repeats),
    )


def count_flop(work: Callable[[], object]) -> float:
    """Floating-point operations, a multiply-add as two."""
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def moved_bytes(module: nn.Module, inputs: Tensor) -> float:
    """Bytes that must be moved whatever the caches hold: inputs, parameters and outputs, once."""
    with torch.no_grad():
        out = module(inputs)
    return sum(4.0 * tensor.numel() for tensor in (inputs, out, *module.parameters()))


def _best_s(work: Callable[[], object], repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best
