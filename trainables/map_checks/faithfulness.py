"""Whether a map follows the score: deletion, insertion (Petsiuk et al. 2018) and infidelity (Yeh et
al. 2019, with captum).

All maps are compared at the same 14 x 14 tiles, so that a smooth map and a rough one remove pieces
of the same shape. The pixels of a removed tile become those of the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from trainables.explain import Score
from trainables.explain.baselines import as_pixels

TILES = 14  # on a side
WINDOWS = 10  # random squares of infidelity, captum's default
_WINDOW = 1 / 4  # their side, in sides of the image
_BATCH = 16
RANDOM, EDGES = "random", "edges"
REFERENCES = (RANDOM, EDGES)
"""Maps that know nothing of the network: random tiles; the strength of the image's edges."""

PASSES = 2 * (TILES + 1)  # of a deletion and an insertion


@dataclass(frozen=True)
class Subject:
    """One image, as the faithfulness of its maps is measured.

    `probability` gives probabilities of classes, `score` what is explained. `start` is the baseline
    (1, 3, H, W); all tensors are on its device.
    """

    probability: Score
    score: Score
    pixels: Tensor
    start: Tensor
    target: int
    seed: int

    @torch.no_grad()
    def deletion_and_insertion(self, values: np.ndarray) -> tuple[float, float]:
        """Areas under the target's probability while tiles are removed, or put into the baseline,
        the strongest evidence first; 0..1 each. A map that follows the network has a small area of
        deletion and a large one of insertion."""
        order = np.argsort(-tile_means(values).ravel(), kind="stable")
        masks = np.zeros((TILES + 1, TILES**2), bool)
        for step in range(1, TILES + 1):
            masks[step, order[: step * TILES]] = True
        removed = self._full_size(torch.from_numpy(masks)).to(self.pixels.device)
        deleted = torch.where(removed, self.start, self.pixels)
        inserted = torch.where(removed, self.pixels, self.start)
        curves = self._probabilities(torch.cat([deleted, inserted])).reshape(2, -1)
        areas = np.trapezoid(curves, dx=1 / TILES, axis=1)
        return float(areas[0]), float(areas[1])

    def infidelity(self, values: np.ndarray) -> float:
        """The share of the changes of the score, when random squares are removed, that the sums of
        the map over these squares do not explain, up to a factor; 0..1.

        The squared error of Yeh et al. (2019, Definition 2.1) at their best factor, divided by that
        of a map of zeros.
        """
        whole = self._infidelity(np.zeros_like(values), normalise=False)
        return min(1.0, self._infidelity(values, normalise=True) / whole) if whole > 0 else 1.0

    def _infidelity(self, values: np.ndarray, normalise: bool) -> float:
        from captum.metrics import infidelity

        generator = torch.Generator().manual_seed(self.seed)
        size = max(1, round(_WINDOW * self.pixels.shape[-1]))

        def remove(pixels: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
            windows = torch.zeros(pixels.shape)
            for one in windows:
                top, left = torch.randint(
                    one.shape[-1] - size + 1, (2,), generator=generator
                ).tolist()
                one[:, top : top + size, left : left + size] = 1
            windows = windows.to(pixels.device)
            return windows, pixels - windows * (pixels - start)

        strongest = float(np.abs(values).max()) or 1.0  # float32 squares must not vanish
        attributions = torch.from_numpy(values / strongest).float()[None, None] / 3
        found = infidelity(
            self.score,
            remove,
            self.pixels,
            attributions.expand_as(self.pixels).to(self.pixels.device),
            baselines=self.start,
            target=self.target,
            n_perturb_samples=WINDOWS,
            max_examples_per_batch=WINDOWS,
            normalize=normalise,
        )
        return float(found[0])

    def _probabilities(self, images: Tensor) -> np.ndarray:
        parts = [self.probability(part)[:, self.target] for part in images.split(_BATCH)]
        return torch.cat(parts).double().cpu().numpy()

    def _full_size(self, masks: Tensor) -> Tensor:
        """(n, TILES**2) bool -> (n, 1, H, W)."""
        small = masks.view(-1, 1, TILES, TILES).float()
        size = tuple(self.pixels.shape[-2:])
        return torch.nn.functional.interpolate(small, size, mode="nearest") > 0.5


def tile_means(values: np.ndarray) -> np.ndarray:
    """The mean attribution of each tile, (H, W) -> (TILES, TILES)."""
    area = cv2.resize(values.astype(np.float64), (TILES, TILES), interpolation=cv2.INTER_AREA)
    return np.asarray(area)


def reference_map(name: str, image: np.ndarray, seed: int) -> np.ndarray:
    """One of `REFERENCES` of an image (H, W, 3) uint8: (H, W) float32."""
    height, width = image.shape[:2]
    if name == RANDOM:
        tiles = np.random.default_rng(seed).random((TILES, TILES)).astype(np.float32)
        return np.asarray(cv2.resize(tiles, (width, height), interpolation=cv2.INTER_NEAREST))
    grey = image.mean(axis=2).astype(np.float32)
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    return np.asarray(np.hypot(across, down), np.float32)


def subject_of(
    probability: Score, score: Score, image: np.ndarray, start: Tensor, target: int, seed: int
) -> Subject:
    """The subject of an image (H, W, 3) uint8, on the device of `start`."""
    return Subject(probability, score, as_pixels(image).to(start.device), start, target, seed)
