"""Occlusion: by how much the score falls where a window of the image is replaced (Zeiler, Fergus
2014), with captum.

It needs no gradient and nothing of the network's inside, so it is the reference for the other
methods; its map is as coarse as its window. 8 x 8 windows take 65 passes.
"""

from __future__ import annotations

import numpy as np
import torch

from trainables.explain.baselines import as_pixels, baselines_of
from trainables.explain.method import Attribution, Method, Options
from trainables.explain.score import Score

WINDOWS = 8  # on a side
_BATCH = 16


class Occlusion(Method):
    name = "occlusion"
    title = "Occlusion"
    has_baseline = True

    def passes(self, max_steps: int, random_baselines: int) -> tuple[float, float]:
        return 1 + WINDOWS**2, 1 + WINDOWS**2

    @torch.no_grad()
    def attribute(
        self, model: Score, image: np.ndarray, target: int, options: Options
    ) -> Attribution:
        from captum.attr import Occlusion as Windows

        pixels = as_pixels(image).to(options.device)
        (start,) = baselines_of(options.baseline, image, 1, options.seed)
        side = -(-max(image.shape[:2]) // WINDOWS)
        found = Windows(model).attribute(
            pixels,
            sliding_window_shapes=(3, side, side),
            strides=(3, side, side),
            baselines=start.to(options.device),
            target=target,
            perturbations_per_eval=_BATCH,
        )
        # Every channel holds the whole drop of its window.
        values = found[0, 0].float().cpu().numpy()
        is_finite = bool(np.isfinite(values).all())
        return Attribution(values, options.baseline, None, None, 1 + WINDOWS**2, is_finite)
