"""Attention rollout against its formula, and the networks that have one."""

import numpy as np
import pytest
import torch

from tests.trainables.explain.networks import network
from trainables.explain import METHODS, Options
from trainables.explain.attention_rollout import attention_matrices, rollout
from trainables.explain.baselines import as_pixels

SIDE = 64
IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
ROLLOUT, OPTIONS = METHODS["attention_rollout"], Options("black")


def test_two_layers_by_hand() -> None:
    """Token 0 takes all from token 1, then half of itself: with the residual halves
    (1/2, 1/2), then 3/4 of itself and 1/4 of token 1."""
    first = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    second = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]])  # two heads
    expected = torch.tensor([[3 / 8, 5 / 8], [0.0, 1.0]])
    torch.testing.assert_close(rollout([first, second]), expected)


@pytest.mark.parametrize("is_tuned", [False, True])
@pytest.mark.parametrize(
    ("name", "pooling", "tokens"),
    [
        ("vit_tiny_patch16_224", "model", 17),
        ("vit_tiny_patch16_224", "avg", 17),
        ("deit_tiny_distilled_patch16_224", "model", 18),
        ("vit_small_patch14_reg4_dinov2", "model", 21),
    ],
)
def test_a_transformer_s_attention_is_that_of_its_output(
    name: str, pooling: str, tokens: int, is_tuned: bool
) -> None:
    model = network(name, SIDE if "14" not in name else 56, pooling, is_tuned)
    image = IMAGE[:56, :56] if "14" in name else IMAGE
    before = model(as_pixels(image))
    matrices = attention_matrices(model, as_pixels(image))
    assert len(matrices) == 12
    assert {one.shape[-2:] for one in matrices} == {(tokens, tokens)}
    for one in matrices:
        torch.testing.assert_close(one.sum(-1), torch.ones(one.shape[:2]))
    torch.testing.assert_close(model(as_pixels(image)), before)
    found = ROLLOUT.attribute(model, image, 0, OPTIONS)
    assert found.map.shape == image.shape[:2]
    assert (found.map >= 0).all()
    assert found.map.std() > 0


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "swin_tiny_patch4_window7_224"])
def test_a_network_without_attention_over_all_patches_is_refused(name: str) -> None:
    refusal = ROLLOUT.refusal(network(name, SIDE), SIDE)
    assert refusal == "it has no layers of attention over all patches"
