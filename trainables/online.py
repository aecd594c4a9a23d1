"""Online augmentation: the transforms of `datasets.augment`, drawn anew for each image and epoch.

A copy is a function of the image, the trial's seed and the epoch's, so any number of workers makes
the same ones. They are made on the CPU, in the threads that fetch the batches.
"""

from __future__ import annotations

import numpy as np

from datasets.augment import FEC_IGE, Augmentation, copy_seed
from datasets.transforms import transformed

ONLINE_VERSION = 2


class OnlineAugmentation:
    """Maps pixels (b, N, N, 3) uint8 to augmented ones of the same shape and dtype."""

    def __init__(self, seed: int, augmentation: Augmentation = FEC_IGE) -> None:
        self.seed, self.augmentation = seed, augmentation

    def __call__(self, pixels: np.ndarray, images: np.ndarray, epoch: int) -> np.ndarray:
        """Augment a batch.

        Args:
            pixels: (b, N, N, 3) uint8.
            images: (b,) uint64, `image_number` of each image.
            epoch: a number that differs from epoch to epoch.
        """
        transforms = self.augmentation.transforms
        seeds = [[self.seed, epoch, int(image)] for image in images]
        pairs = zip(pixels, seeds, strict=True)
        return np.stack([transformed(transforms, image, _mixed(seed)) for image, seed in pairs])


def image_number(image_id: str, copy: int) -> int:
    """A number for a copy of an image, 0 to 2^64 - 1."""
    return copy_seed(image_id, copy)


def _mixed(numbers: list[int]) -> int:
    """One 64-bit seed of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
