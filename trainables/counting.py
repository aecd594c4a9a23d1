"""Count what a backbone computes and stores for one image, without computing it."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from trainables.backbones import build_backbone
from trainables.network_size import NetworkSize
from trainables.registry import BackboneSpec


def count_network(spec: BackboneSpec, model_args: dict[str, str]) -> NetworkSize:
    """See `trainables.network_size`, which remembers it."""
    built = build_backbone(spec, model_args, device="meta")
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
