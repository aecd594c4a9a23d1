"""Integrated Gradients of the whole model with respect to the pixels.

IG_i(x) = (x_i - x'_i) * integral over a in 0..1 of dF(x' + a (x - x')) / dx_i
(Sundararajan, Taly, Yan 2017, Eq. 1), by the trapezoid rule with `n_steps` points; F is the softmax
probability of the target class, as in the paper's code. Baselines x': `black`, and `random`, the
mean over several images of uniform noise. By completeness the attributions sum to F(x) - F(x'); the
difference is stored as `delta`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from trainables.registry import BASELINES

EXPLAIN_VERSION = 2
_INTERNAL_BATCH = 16


@dataclass(frozen=True)
class Attribution:
    """An attribution map: signed, summed over channels, (H, W) float32."""

    map: np.ndarray
    baseline: str
    delta: float


def attribute(
    model: Callable[[Tensor], Tensor],
    image: np.ndarray,
    target: int,
    *,
    baseline: str,
    n_steps: int,
    random_baselines: int,
    seed: int,
    device: torch.device | None = None,
) -> Attribution:
    """Attribute the score of class `target` to the pixels of an image (H, W, 3) uint8.

    `model` maps pixels (B, 3, H, W) float32 0..255 to the score to be explained, (B, classes).
    """
    from captum.attr import IntegratedGradients  # a second to import; few processes explain

    device = device or torch.device("cpu")
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float().to(device)
    gradients = IntegratedGradients(model)
    maps, deltas = [], []
    for start in _baselines(baseline, pixels, random_baselines, seed):
        attributions = gradients.attribute(
            pixels,
            start,
            target=target,
            n_steps=n_steps,
            method="riemann_trapezoid",
            internal_batch_size=_INTERNAL_BATCH,
        )
        # captum's n trapezoid weights sum to 1 - 1/n: incomplete even for a linear model.
        attributions = attributions.detach() * (n_steps / (n_steps - 1))
        delta = gradients.compute_convergence_delta(attributions, start, pixels, target=target)
        maps.append(attributions[0].sum(0))
        deltas.append(float(delta))
    mean = torch.stack(maps).mean(0).float().cpu().numpy()
    return Attribution(mean, baseline, float(np.mean(deltas)))


def _baselines(name: str, pixels: Tensor, count: int, seed: int) -> list[Tensor]:
    if name == "black":
        return [torch.zeros_like(pixels)]
    if name == "random":
        generator = torch.Generator().manual_seed(seed)
        noise = [torch.rand(pixels.shape, generator=generator) * 255 for _ in range(count)]
        return [image.to(pixels.device) for image in noise]
    raise ValueError(f"baseline={name!r}: expected one of {', '.join(BASELINES)}")


class Probabilities(nn.Module):
    """A network with softmax on top, in eval mode: the score to be explained."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.network(pixels)
        return logits.softmax(1)
