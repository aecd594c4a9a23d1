"""The network used for extraction against the network as loaded."""

import copy

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from tests.trainables.conftest import noise
from trainables.backbones import Backbone, build_backbone
from trainables.inference import for_inference
from trainables.registry import BACKBONES


def _norms(backbone: Backbone) -> list[_BatchNorm]:
    parts = (backbone.prefix, backbone.suffix)
    return [m for part in parts for m in part.modules() if isinstance(m, _BatchNorm)]


def _with_statistics(name: str) -> Backbone:
    """Random weights, and BatchNorms with non-trivial statistics and parameters."""
    backbone, generator = build_backbone(BACKBONES[name]), torch.Generator().manual_seed(0)
    for norm in _norms(backbone):
        for values, low, high in (
            (norm.running_mean, -0.5, 0.5),
            (norm.running_var, 0.5, 2.0),
            (norm.weight, 0.5, 1.5),
            (norm.bias, -0.2, 0.2),
        ):
            assert values is not None
            with torch.no_grad():
                values.uniform_(low, high, generator=generator)
    return backbone


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_for_inference_computes_the_same(name: str) -> None:
    backbone = _with_statistics(name)
    quick = copy.deepcopy(backbone)
    prefix, suffix = for_inference(quick.prefix), for_inference(quick.suffix)
    assert not _norms(quick)
    with torch.inference_mode():
        pixels = backbone.normalise(noise(3))
        expected = backbone.prefix(pixels)
        got = prefix(pixels.contiguous(memory_format=torch.channels_last))
        assert (got - expected).abs().max() < 1e-5 * expected.abs().max()
        expected, got = backbone.suffix(expected), suffix(got)
        assert (got - expected).abs().max() < 1e-5 * expected.abs().max()
