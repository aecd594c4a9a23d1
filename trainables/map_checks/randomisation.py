"""Cascading parameter randomisation: the network with shuffled weights, from its output to its
input (Adebayo et al. 2018).

A map that looks the same for a network without its training shows the image, not the network. The
entries of every tensor are shuffled, which keeps their distribution, so that signals neither vanish
nor explode; BatchNorm statistics are computed again, as those of the trained weights do not fit.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from trainables.heads import GlobalPool

HEAD, WHOLE = "head", "whole network"
STAGES = (HEAD, "last quarter", "last half", "last three quarters", WHOLE)
"""What is shuffled, from the output: the head, then the backbone's layers, a quarter at a time."""

_BATCH = 16


@dataclass(frozen=True)
class Layers:
    """The modules with parameters of their own, in the order of their first use."""

    backbone: list[nn.Module]
    head: list[nn.Module]

    def of_stage(self, stage: str) -> list[nn.Module]:
        """The modules that are shuffled at a stage."""
        quarters = STAGES.index(stage)
        first = round(len(self.backbone) * (1 - quarters / (len(STAGES) - 1)))
        return [*self.backbone[first:], *self.head]


@torch.no_grad()
def layers_of(model: nn.Module, pixels: Tensor) -> Layers:
    """The layers of a network from pixels to logits, whose head follows its `GlobalPool`."""
    used: dict[nn.Module, None] = {}
    hooks = [
        module.register_forward_pre_hook(lambda one, _: used.setdefault(one))
        for module in model.modules()
        if any(True for _ in module.parameters(recurse=False)) or isinstance(module, GlobalPool)
    ]
    try:
        model(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    order = list(used)
    pools = [number for number, module in enumerate(order) if isinstance(module, GlobalPool)]
    at = pools[-1] if pools else len(order)
    return Layers(order[:at], order[at + 1 :])


def shuffled(
    model: nn.Module, pixels: Tensor, seed: int, stages: Sequence[str] = STAGES
) -> Iterator[tuple[str, nn.Module]]:
    """A copy of a network in eval mode, with more and more of its weights shuffled: (stage, copy).

    The copy is the same object each time. What is shuffled at a stage stays so at the next.

    Args:
        pixels: (B, 3, H, W) float32, at least two images, from which BatchNorm statistics are
            computed.
        seed: of the shuffling.
    """
    network = copy.deepcopy(model)
    layers = layers_of(network, pixels[:1])
    generator = torch.Generator().manual_seed(seed)
    done: set[nn.Module] = set()
    for stage in stages:
        now = layers.of_stage(stage)
        for module in reversed(now):
            if module not in done:
                _shuffle(module, generator)
        done.update(now)
        _estimate_statistics(network, now, pixels)
        yield stage, network


@torch.no_grad()
def _shuffle(module: nn.Module, generator: torch.Generator) -> None:
    for parameter in module.parameters(recurse=False):
        order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
        parameter.copy_(parameter.flatten()[order].view_as(parameter))


@torch.no_grad()
def _estimate_statistics(network: nn.Module, shuffled: Sequence[nn.Module], pixels: Tensor) -> None:
    """Set the BatchNorm statistics of shuffled layers to those of `pixels`, in one pass."""
    norms: list[Any] = [one for one in shuffled if isinstance(one, _BatchNorm)]
    norms = [one for one in norms if one.track_running_stats]
    if not norms:
        return
    momenta = [one.momentum for one in norms]
    for one in norms:
        one.reset_running_stats()
        one.momentum = None  # torch's switch for a cumulative average
        one.train()
    for batch in _batches(pixels):
        network(batch)
    for one, momentum in zip(norms, momenta, strict=True):
        one.momentum = momentum
        one.eval()


def _batches(pixels: Tensor) -> list[Tensor]:
    """Of two images at least: BatchNorm on vectors cannot take one."""
    parts = list(pixels.split(_BATCH))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
