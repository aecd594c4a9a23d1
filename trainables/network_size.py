"""What a backbone computes and stores for one image, counted without computing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from trainables.backbones import build_backbone
from trainables.registry import BACKBONES


@dataclass(frozen=True)
class NetworkSize:
    """Of one image; `*_macs` are multiply-adds of a forward pass."""

    prefix_macs: float
    suffix_macs: float
    feature_dim: int
    prefix_values: int  # numbers of a row of the prefix table
    parameters: int
    suffix_parameters: int
    largest_layer: int  # numbers that the largest layer's output holds
    all_layers: int  # numbers that the outputs of all layers with weights hold

    @property
    def macs(self) -> float:
        return self.prefix_macs + self.suffix_macs


def network_size(backbone: str, image_size: int, model_args: dict[str, str]) -> NetworkSize:
    """The sizes of a backbone at N pixels. Raises WeightsError for arguments timm does not take."""
    built = build_backbone(BACKBONES[backbone], model_args, device="meta")
    pixels = torch.empty(1, 3, image_size, image_size, device="meta")
    activations, prefix_macs, outputs = _counted(built.prefix, pixels)
    features, suffix_macs, more = _counted(built.suffix, activations)
    own, suffix = (sum(p.numel() for p in m.parameters()) for m in (built.prefix, built.suffix))
    return NetworkSize(
        prefix_macs,
        suffix_macs,
        int(features.shape[1]),
        prod(activations.shape[1:]),
        own + suffix,
        suffix,
        max(outputs + more),
        sum(outputs + more),
    )


def head_macs(feature_dim: int, hidden: Sequence[int], classes: int) -> float:
    """Multiply-adds, and as many parameters, of a head's linear layers."""
    widths = [feature_dim, *hidden, classes]
    return float(sum(a * b for a, b in pairwise(widths)))


@torch.no_grad()
def _counted(part: nn.Module, inputs: Tensor) -> tuple[Tensor, float, list[int]]:
    """What the part gives, its multiply-adds in convolutions and matrix products, and the numbers
    that each of those puts out."""
    total, sizes = 0.0, list[int]()

    def add(layer: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        total += out.numel() * layer.get_parameter("weight")[0].numel()
        sizes.append(out.numel())

    layers = [m for m in part.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    outputs: Tensor = part(inputs)
    for hook in hooks:
        hook.remove()
    return outputs, total, sizes
