"""Max-sensitivity: how much a map changes, at most, when the image changes a little (Yeh et al.
2019, Definition 2.2, with captum)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainables.explain import Method, Options, Score
from trainables.explain.baselines import as_pixels

RADIUS = 0.02  # of the range of pixels, captum's default
SAMPLES = 4  # images around this one, each with a map of its own


def max_sensitivity(
    method: Method, model: Score, image: np.ndarray, target: int, options: Options
) -> float:
    """The largest distance of the map of a slightly changed image, relative to the map's norm.

    `image`: (H, W, 3) uint8. Changed images are rounded to whole grey levels, as images are.
    """
    from captum.metrics import sensitivity_max

    @torch.enable_grad()  # captum has switched it off
    def explained(pixels: Tensor | tuple[Tensor, ...]) -> tuple[Tensor]:
        maps = [
            method.attribute(model, one.permute(1, 2, 0).byte().cpu().numpy(), target, options).map
            for one in (pixels[0] if isinstance(pixels, tuple) else pixels)
        ]
        # Of a bare tensor, captum 0.9 would compare every map with every other one.
        return (torch.from_numpy(np.stack(maps))[:, None],)

    generator = torch.Generator().manual_seed(options.seed)

    def around(pixels: Tensor) -> Tensor:
        noise = torch.rand(pixels.shape, generator=generator).to(pixels.device) * 2 - 1
        return (pixels + noise * RADIUS * 255).round().clamp(0, 255)

    found = sensitivity_max(
        explained, as_pixels(image), perturb_func=around, n_perturb_samples=SAMPLES
    )
    return float(found[0])
