"""Online augmentation: the transforms of `datasets.augment`, drawn for each batch on the device.

Flips, a rotation with reflected borders, contrast about the mean.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from datasets.augment import FEC_IGE, Augmentation

ONLINE_VERSION = 1
_GREY = (0.299, 0.587, 0.114)  # ITU-R 601


class OnlineAugmentation:
    """Maps pixels (B, 3, N, N), 0..255, to float32 of the same shape; every call draws again."""

    def __init__(self, seed: int, augmentation: Augmentation = FEC_IGE) -> None:
        self.augmentation = augmentation
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, pixels: Tensor) -> Tensor:
        count, augmentation = len(pixels), self.augmentation
        horizontal = self._uniform(count) < augmentation.horizontal_flip_p
        vertical = self._uniform(count) < augmentation.vertical_flip_p
        degrees = augmentation.rotation_degrees * (2 * self._uniform(count) - 1)
        contrast = 1 + augmentation.contrast * (2 * self._uniform(count) - 1)
        rotated = flip_and_rotate(pixels.float(), degrees, horizontal, vertical)
        return change_contrast(rotated, contrast)

    def _uniform(self, count: int) -> Tensor:
        return torch.rand(count, generator=self.generator)


def flip_and_rotate(
    images: Tensor, degrees: Tensor, horizontal: Tensor, vertical: Tensor
) -> Tensor:
    """Flip, then rotate about the centre, bilinearly and with reflected borders.

    Args:
        images: (B, C, N, N) float32.
        degrees: (B,), anticlockwise.
        horizontal, vertical: (B,) bool, which images are flipped left to right, top to bottom.
    """
    angle = degrees * (math.pi / 180)
    cos, sin = angle.cos(), angle.sin()
    mirror_x, mirror_y = 1.0 - 2.0 * horizontal.float(), 1.0 - 2.0 * vertical.float()
    # The source of each output pixel: rotated back, then flipped.
    zero = torch.zeros_like(cos)
    first_row = (mirror_x * cos, -mirror_x * sin, zero)
    second_row = (mirror_y * sin, mirror_y * cos, zero)
    theta = torch.stack([*first_row, *second_row], 1)
    grid = functional.affine_grid(
        theta.view(-1, 2, 3).to(images.device), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def change_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """x -> mean + factor * (x - mean), clamped to 0..255; the mean is that of the grey image.

    Args:
        images: (B, 3, N, N) float32.
        factor: (B,).
    """
    weights = torch.tensor(_GREY, device=images.device).view(1, 3, 1, 1)
    mean = (images * weights).sum(1, keepdim=True).mean((2, 3), keepdim=True)
    return (mean + factor.to(images.device).view(-1, 1, 1, 1) * (images - mean)).clamp(0, 255)
