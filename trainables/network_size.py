"""What a backbone computes and stores for one image, counted without computing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from trainables.backbones import build_backbone
from trainables.registry import BackboneSpec


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
    prefix_shape: tuple[int, ...] = ()

    @property
    def macs(self) -> float:
        return self.prefix_macs + self.suffix_macs


def network_size(spec: BackboneSpec, model_args: dict[str, str]) -> NetworkSize:
    """The sizes of a backbone on images of `spec.image_size`.

    Raises WeightsError for arguments timm does not take.
    """
    return _network_size(spec, tuple(sorted(model_args.items())))


@cache
def _network_size(spec: BackboneSpec, model_args: tuple[tuple[str, str], ...]) -> NetworkSize:
    built = build_backbone(spec, dict(model_args), device="meta")
    pixels = torch.empty(1, 3, spec.image_size, spec.image_size, device="meta")
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
        tuple(activations.shape[1:]),
    )


def head_macs(feature_dim: int, hidden: Sequence[int], classes: int) -> float:
    """Multiply-adds, and as many parameters, of a head's linear layers."""
    widths = [feature_dim, *hidden, classes]
    return float(sum(a * b for a, b in pairwise(widths)))


@torch.no_grad()
def _counted(part: nn.Module, inputs: Tensor) -> tuple[Tensor, float, list[int]]:
    """What the part gives, its multiply-adds in convolutions and matrix products (attention's
    included), and the numbers that each layer with weights puts out."""
    sizes = list[int]()

    def add(layer: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        sizes.append(out.numel())

    layers = [m for m in part.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    with FlopCounterMode(display=False) as counter:
        outputs: Tensor = part(inputs)
    for hook in hooks:
        hook.remove()
    return outputs, counter.get_total_flops() / 2, sizes
