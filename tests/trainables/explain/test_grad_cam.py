"""Grad-CAM against its formula, and the feature map that it finds in networks of many families."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.trainables.explain.networks import network
from trainables.explain import METHODS, Options, Score
from trainables.explain.baselines import as_pixels
from trainables.explain.grad_cam import last_map
from trainables.heads import GlobalPool

SIDE = 64
IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
GRAD_CAM, OPTIONS = METHODS["grad_cam"], Options("black")


class Small(nn.Module):
    """A map of 4 channels and 8 x 8 cells, averaged."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.convolution = nn.Conv2d(3, 4, 8, stride=8)
            self.pool, self.head = GlobalPool("avg"), nn.Linear(4, 2)

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.head(self.pool(self.convolution(pixels)))
        return logits


def test_the_map_is_the_channels_weighted_by_their_mean_gradients() -> None:
    small = Small()
    found = GRAD_CAM.attribute(Score(small, "logit"), IMAGE, 1, OPTIONS)
    cells = small.convolution(as_pixels(IMAGE))  # d logit / d cell = weight / 64 in every cell
    expected = (small.head.weight[1].view(1, 4, 1, 1) * cells / 64).sum(1, keepdim=True)
    large = nn.functional.interpolate(expected, (SIDE, SIDE), mode="bilinear")
    np.testing.assert_allclose(found.map, large[0, 0].detach().numpy(), rtol=1e-4, atol=1e-4)
    assert (found.map < 0).any(), "evidence against the class is kept"
    assert found.converged


@pytest.mark.parametrize("is_tuned", [False, True])
@pytest.mark.parametrize(
    ("name", "pooling"),
    [
        ("mobilenetv3_small_050", "avg"),
        ("mobilenetv3_small_050", "model"),
        ("resnet18", "avg"),
        ("convnext_atto", "model"),
        ("densenet121", "model"),
        ("vgg11", "avg"),
        ("swin_tiny_patch4_window7_224", "avg"),
    ],
)
def test_the_map_is_that_which_is_pooled(name: str, pooling: str, is_tuned: bool) -> None:
    model = network(name, SIDE, pooling, is_tuned)
    layer = last_map(model, SIDE)
    assert layer is not None
    shapes: list[torch.Size] = []
    layer.register_forward_pre_hook(lambda _, inputs: shapes.append(inputs[0].shape))
    found = GRAD_CAM.attribute(model, IMAGE, 0, OPTIONS)
    assert shapes[0][2:] == (2, 2)
    assert found.map.shape == (SIDE, SIDE)
    assert np.abs(found.map).max() > 0
    other = GRAD_CAM.attribute(model, IMAGE, 1, OPTIONS)
    assert not np.allclose(found.map, other.map)


@pytest.mark.parametrize(
    ("name", "pooling"),
    [
        ("vit_tiny_patch16_224", "avg"),
        ("vit_tiny_patch16_224", "model"),
        ("swin_tiny_patch4_window7_224", "model"),  # pools a map whose channels come last
    ],
)
def test_tokens_are_no_map(name: str, pooling: str) -> None:
    model = network(name, SIDE, pooling)
    assert GRAD_CAM.refusal(model, SIDE) == "its features are no map (B, C, h, w)"


def test_a_map_is_found_without_a_refusal() -> None:
    assert GRAD_CAM.refusal(Score(Small()), SIDE) == ""
