"""Shuffled networks: from the output to the input, alive, and without touching the original."""

import copy
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.trainables.explain.networks import network
from trainables.explain import METHODS, Options
from trainables.map_checks.randomisation import HEAD, STAGES, WHOLE, layers_of, shuffled
from trainables.map_checks.similarity import Ranked

SIDE = 64
PIXELS = torch.rand(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 255
NAMES = ["mobilenetv3_small_050", "resnet18", "vit_tiny_patch16_224"]


def changed(before: Mapping[str, torch.Tensor], after: torch.nn.Module) -> set[str]:
    return {name for name, value in after.named_parameters() if not value.equal(before[name])}


@pytest.mark.parametrize("is_tuned", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_more_layers_are_shuffled_at_each_stage_and_all_at_last(name: str, is_tuned: bool) -> None:
    model = network(name, SIDE, "avg", is_tuned)
    before = copy.deepcopy(dict(model.named_parameters()))
    varied = {name for name, value in before.items() if value.numel() > 1 and value.std() > 0}
    seen: list[set[str]] = []
    for stage, randomised in shuffled(model, PIXELS, seed=1):
        assert stage == STAGES[len(seen)]
        seen.append(changed(before, randomised))
        assert not any(one.training for one in randomised.get_submodule("network").modules())
        for key, value in randomised.named_parameters():
            assert value.flatten().sort()[0].equal(before[key].flatten().sort()[0])
        logits = randomised(PIXELS)
        assert logits.isfinite().all()
        assert logits.std(0).max() > 0, "the network still tells images apart"
    assert all(earlier < later for earlier, later in pairwise(seen))
    assert len(seen[0]) <= 2, "weights and biases of a linear head"
    assert varied - seen[-1] == set(), "all that is not constant"
    assert not changed(before, model), "the original keeps its weights"


def test_the_head_is_what_follows_the_pooling() -> None:
    layers = layers_of(network("resnet18", SIDE), PIXELS[:1])
    assert [type(one).__name__ for one in layers.head] == ["Linear"]
    assert len(layers.of_stage(HEAD)) == 1
    assert len(layers.of_stage(WHOLE)) == 1 + len(layers.backbone)


def test_the_seed_determines_the_weights() -> None:
    def head(seed: int) -> torch.Tensor:
        ((_, randomised),) = shuffled(network("resnet18", SIDE), PIXELS, seed, [HEAD])
        return randomised(PIXELS)

    torch.testing.assert_close(head(1), head(1))
    assert not torch.allclose(head(1), head(2))


def test_statistics_fit_the_shuffled_weights() -> None:
    ((_, randomised),) = shuffled(network("resnet18", SIDE), PIXELS, 0, [WHOLE])
    norms = [one for one in randomised.modules() if isinstance(one, torch.nn.BatchNorm2d)]
    found: list[torch.Tensor] = []
    norms[-1].register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
    randomised(PIXELS)
    mean, spread = found[0].mean((0, 2, 3)), found[0].std((0, 2, 3))
    assert ((norms[-1].running_mean - mean).abs() / spread).median() < 0.1


def test_a_map_of_the_head_changes_with_the_head_and_edges_do_not() -> None:
    """The map of a method that reads the weights loses its likeness; an image's edges keep it."""
    image = PIXELS[0].permute(1, 2, 0).byte().numpy()
    model = network("resnet18", SIDE)
    method, options = METHODS["grad_cam"], Options("black")
    before = Ranked(method.attribute(model, image, 0, options).map)
    *_, (_, randomised) = shuffled(model, PIXELS, 0)
    after = Ranked(method.attribute(randomised, image, 0, options).map)  # type: ignore[arg-type]
    assert before.without_sign(after) < 0.9
    edges = Ranked(np.abs(np.gradient(image.mean(2))[0]))
    assert edges.without_sign(edges) == pytest.approx(1)
