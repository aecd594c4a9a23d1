"""Grad-CAM: the last feature map, each channel weighted by the mean of its gradient (Selvaraju et
al. 2017), with captum.

The map is that of the score itself, without the ReLU of the paper's Eq. 2, so that evidence against
the class is seen too. It has as many cells as the feature map, and is resized to the image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainables.explain.baselines import as_pixels
from trainables.explain.method import Attribution, Method, Options
from trainables.explain.score import Score
from trainables.heads import GlobalPool


class GradCam(Method):
    name = "grad_cam"
    title = "Grad-CAM"
    has_baseline = False

    def refusal(self, model: Score, side: int) -> str:
        return "" if last_map(model, side) else "its features are no map (B, C, h, w)"

    def passes(self, max_steps: int, random_baselines: int) -> tuple[float, float]:
        return 0.0, 3.0  # none where it is refused

    def attribute(
        self, model: Score, image: np.ndarray, target: int, options: Options
    ) -> Attribution:
        from captum.attr import LayerAttribution, LayerGradCam

        layer = last_map(model, image.shape[0])
        if layer is None:
            raise ValueError("Grad-CAM needs features that are a map (B, C, h, w)")
        pixels = as_pixels(image).to(options.device).requires_grad_(True)
        found = LayerGradCam(model, layer).attribute(
            pixels, target=target, attribute_to_layer_input=True
        )
        large = LayerAttribution.interpolate(found, image.shape[:2], "bilinear")
        values = large[0, 0].detach().float().cpu().numpy()
        return Attribution(values, "", None, None, 1, bool(np.isfinite(values).all()))


@torch.no_grad()
def last_map(model: nn.Module, side: int) -> nn.Module | None:
    """The module that pools the last feature map: the last one to be called with a map
    (B, C, h, w) smaller than the image that gives one number a channel. None if there is none, as
    in transformers, whose features are tokens."""

    def entered(module: nn.Module, inputs: Any) -> None:
        if inputs and _is_map(inputs[0], side):
            entered_with_map.append(module)

    def left(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and (output.ndim == 2 or _is_pooled(output)):
            pooling.add(module)

    entered_with_map: list[nn.Module] = []
    pooling: set[nn.Module] = set()
    hooks = [one.register_forward_pre_hook(entered) for one in model.modules()]
    hooks += [one.register_forward_hook(left) for one in model.modules()]
    try:
        model(torch.zeros(1, 3, side, side, device=_device(model)))
    finally:
        for hook in hooks:
            hook.remove()
    found = [module for module in entered_with_map if module in pooling]
    return found[-1] if found and _is_of_features(model, found[-1]) else None


def _is_of_features(model: nn.Module, found: nn.Module) -> bool:
    """Whether it pools the features, and not the inside of a block (squeeze and excitation)."""
    pools = [one for one in model.modules() if isinstance(one, GlobalPool)]
    return found in pools or all(one.pooling == "model" for one in pools)


def _is_map(value: Any, side: int) -> bool:
    """Channels first; images are square, and so are their maps."""
    if not isinstance(value, Tensor) or value.ndim != 4:
        return False
    return value.shape[2] == value.shape[3] and 1 < value.shape[2] < side


def _is_pooled(value: Tensor) -> bool:
    return value.ndim == 4 and tuple(value.shape[2:]) == (1, 1)


def _device(model: nn.Module) -> torch.device:
    tensors = (*model.parameters(), *model.buffers())
    return tensors[0].device if tensors else torch.device("cpu")
