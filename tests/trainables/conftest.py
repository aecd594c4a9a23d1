"""Backbones with calibrated random weights, built once."""

import copy
from collections.abc import Callable
from functools import cache

import pytest
import torch

from trainables.backbones import Backbone
from trainables.pretrained import load_backbone
from trainables.registry import BACKBONES, Weights

SIDE = 80  # pixels; Inception needs 75


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def noise(count: int, seed: int = 0, side: int = SIDE) -> torch.Tensor:
    """Images (count, 3, side, side) uint8: noise of varying mean and contrast."""
    generator = torch.Generator().manual_seed(seed)
    fine, level, spread = (
        torch.rand(count, 3, size, size, generator=generator) for size in (side, 1, 1)
    )
    return (255 * (0.6 * level + (fine - 0.3) * spread)).clamp(0, 255).to(torch.uint8)


@pytest.fixture(scope="session")
def calibrated() -> Callable[[str], Backbone]:
    """A new copy of a backbone with random weights, calibrated on `noise(24)`, by name."""

    @cache
    def build(name: str) -> Backbone:
        return load_backbone(BACKBONES[name], Weights.parse("none"), calibration=noise(24))

    return lambda name: copy.deepcopy(build(name))
