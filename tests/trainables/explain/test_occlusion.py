"""Occlusion of a linear model, where the fall of the score is known."""

import numpy as np
import torch
from torch import Tensor, nn

from trainables.explain import METHODS, Options, Score
from trainables.explain.baselines import as_pixels

SIDE, WINDOW = 20, 3  # 20 / 8, rounded up: the last windows are cut
IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
WEIGHTS = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


class Linear(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return torch.einsum("bchw,kchw->bk", pixels, WEIGHTS)


def test_each_window_holds_the_fall_of_the_score_without_it() -> None:
    found = METHODS["occlusion"].attribute(Score(Linear(), "logit"), IMAGE, 1, Options("mean"))
    pixels = as_pixels(IMAGE)
    falls = ((pixels - pixels.mean((2, 3), keepdim=True)) * WEIGHTS[1]).sum((0, 1)).numpy()
    for top in range(0, SIDE - WINDOW + 1, WINDOW):
        for left in range(0, SIDE - WINDOW + 1, WINDOW):
            window = (slice(top, top + WINDOW), slice(left, left + WINDOW))
            np.testing.assert_allclose(found.map[window], falls[window].sum(), rtol=1e-3, atol=0.05)
    assert (found.baseline, found.converged, found.change) == ("mean", True, None)
