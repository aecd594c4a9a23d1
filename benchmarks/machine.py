"""What this machine can do at most: arithmetic, memory, and what a piece of work needs of both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

_SIDE = 1536
_CHANNELS, _PIXELS, _IMAGES = 512, 14, 16
_COPIED = 256 << 20  # bytes


@dataclass(frozen=True)
class Machine:
    """One thread's measured peaks."""

    flop_per_s: float  # of a float32 matrix product or 3x3 convolution, whichever is faster
    bytes_per_s: float  # read and written by a copy

    def ideal_s(self, flop: float, moved_bytes: float) -> float:
        """The roofline: whichever takes longer."""
        return max(flop / self.flop_per_s, moved_bytes / self.bytes_per_s)


def measure_machine(repeats: int = 8) -> Machine:
    """Best of some repeats, on one thread."""
    a, b = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    source, target = torch.ones(_COPIED // 4), torch.zeros(_COPIED // 4)
    layer = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1).requires_grad_(False)
    pixels = torch.rand(_IMAGES, _CHANNELS, _PIXELS, _PIXELS)
    product = 2 * _SIDE**3 / _best_s(lambda: torch.mm(a, b), repeats)
    convolution = count_flop(layer, pixels) / _best_s(lambda: layer(pixels), repeats)
    return Machine(
        max(product, convolution),
        2 * _COPIED / _best_s(lambda: target.copy_(source), repeats),
    )


def count_flop(module: nn.Module, inputs: Tensor) -> float:
    """Floating-point operations of a forward pass in convolutions and matrix products, a
    multiply-add as two. (torch's own counter forgets that depthwise convolutions are grouped.)"""
    total = 0.0

    def add(layer: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        weight = layer.get_parameter("weight")
        total += 2.0 * out.numel() * weight[0].numel()

    layers = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    with torch.no_grad():
        module(inputs)
    for hook in hooks:
        hook.remove()
    return total


def moved_bytes(module: nn.Module, inputs: Tensor) -> float:
    """Bytes that must be moved whatever the caches hold: inputs, parameters and outputs, once."""
    with torch.no_grad():
        out = module(inputs)
    tensors: tuple[Tensor, ...] = (inputs, out, *module.parameters())
    return float(sum(4 * tensor.numel() for tensor in tensors))


def _best_s(work: Callable[[], object], repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best
