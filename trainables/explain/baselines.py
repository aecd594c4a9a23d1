"""Baselines: the images that an image is compared with, `trainables.registry.BASELINES`."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from trainables.registry import BASELINES

_BLUR = 0.1  # standard deviation of the blurred baseline, in sides of the image


def as_pixels(image: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32, 0..255."""
    return torch.from_numpy(image).permute(2, 0, 1)[None].float()


def baselines_of(name: str, image: np.ndarray, count: int = 1, seed: int = 0) -> list[Tensor]:
    """The baselines of an image (H, W, 3) uint8, each (1, 3, H, W) float32: `count` of noise, else
    one. Raises ValueError for an unknown name."""
    pixels = as_pixels(image)
    if name == "black":
        return [torch.zeros_like(pixels)]
    if name == "mean":
        return [pixels.mean((2, 3), keepdim=True).expand_as(pixels)]
    if name == "blurred":
        return [as_pixels(cv2.GaussianBlur(image, (0, 0), _BLUR * max(image.shape[:2])))]
    if name == "random":
        generator = torch.Generator().manual_seed(seed)
        return [torch.rand(pixels.shape, generator=generator) * 255 for _ in range(count)]
    raise ValueError(f"baseline={name!r}: expected one of {', '.join(BASELINES)}")
