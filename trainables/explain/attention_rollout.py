"""Attention rollout: how much of each patch the features of a transformer are mixed from (Abnar,
Zuidema 2020).

The attention matrices of all layers, averaged over heads, each half identity for the residual
connection, are multiplied (their Eq. 1). The map does not depend on the class: it says where the
network looks, not what for. captum has no method for attention.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainables.explain.baselines import as_pixels
from trainables.explain.method import Attribution, Method, Options
from trainables.explain.score import Score
from trainables.heads import GlobalPool


class AttentionRollout(Method):
    name = "attention_rollout"
    title = "Attention rollout"
    has_baseline = False
    is_of_class = False

    def refusal(self, model: Score, side: int) -> str:
        device = next(model.parameters()).device
        matrices = attention_matrices(model, torch.zeros(1, 3, side, side, device=device))
        return "" if matrices else "it has no layers of attention over all patches"

    def passes(self, max_steps: int, random_baselines: int) -> tuple[float, float]:
        return 0.0, 1.0  # none where it is refused

    @torch.no_grad()
    def attribute(
        self, model: Score, image: np.ndarray, target: int, options: Options
    ) -> Attribution:
        matrices = attention_matrices(model, as_pixels(image).to(options.device))
        if not matrices:
            raise ValueError("attention rollout needs layers of attention over all patches")
        mixed = rollout(matrices)
        grid = math.isqrt(len(mixed))
        others = len(mixed) - grid**2  # class and register tokens come first
        row = mixed[0] if others and _takes_class_token(model) else mixed[others:].mean(0)
        values = row[others:].view(1, 1, grid, grid)
        large = nn.functional.interpolate(values, image.shape[:2], mode="bilinear")
        found = large[0, 0].cpu().numpy()
        return Attribution(found, "", None, None, 1, bool(np.isfinite(found).all()))


def rollout(matrices: list[Tensor]) -> Tensor:
    """(L, L): row i is what token i of the last layer is mixed from, and sums to 1.

    `matrices`: of each layer, (heads, L, L), whose rows sum to 1.
    """
    mixed = torch.eye(matrices[0].shape[-1], device=matrices[0].device)
    for matrix in matrices:
        mean = matrix.mean(0)
        mixed = (mean + torch.eye(len(mean), device=mean.device)) / 2 @ mixed
    return mixed


@torch.no_grad()
def attention_matrices(model: nn.Module, pixels: Tensor) -> list[Tensor]:
    """The attention of one image in each layer, (heads, L, L); [] unless all layers attend to the
    same tokens."""
    found: list[Tensor] = []

    def kept(module: nn.Module, inputs: Any) -> None:
        found.append(inputs[0][0].float())

    with _explicit_attention(model) as dropouts:
        hooks = [dropout.register_forward_pre_hook(kept) for dropout in dropouts]
        try:
            model(pixels)
        finally:
            for hook in hooks:
                hook.remove()
    is_whole = len({one.shape[-2:] for one in found}) == 1
    is_square = is_whole and found[0].ndim == 3 and found[0].shape[-2] == found[0].shape[-1]
    return found if is_square and len(found) == len(dropouts) else []


@contextmanager
def _explicit_attention(model: nn.Module) -> Iterator[list[nn.Module]]:
    """timm's attention layers compute their matrices here, which fused kernels never hold; yields
    the dropout that each matrix goes through."""
    layers: list[Any] = [
        module
        for module in model.modules()
        if hasattr(module, "fused_attn")
        and isinstance(getattr(module, "attn_drop", None), nn.Module)
    ]
    before = [layer.fused_attn for layer in layers]
    for layer in layers:
        layer.fused_attn = False
    try:
        yield [layer.attn_drop for layer in layers]
    finally:
        for layer, fused in zip(layers, before, strict=True):
            layer.fused_attn = fused


def _takes_class_token(model: nn.Module) -> bool:
    """Whether the head reads the class token: so if timm pools, where there is one."""
    pools = [module.pooling for module in model.modules() if isinstance(module, GlobalPool)]
    return "model" in pools
