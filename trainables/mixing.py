"""Mixup: train on pairs of rows mixed in a random proportion, with both labels.

Zhang et al. 2018 (arXiv:1710.09412). The rows are what the trained part takes: pixels when training
end to end, otherwise cached activations of the frozen prefix. The latter is manifold mixup (Verma
et al. 2019, arXiv:1806.05236) at that one layer, and not mixup of images: the prefix of a mixed
image is not the mix of the prefixes. With several workers, partners come from the worker's share.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainables.rows import rank_and_world

Targets = list[tuple[Tensor, float]]
"""Labels (b,) int64 and the share of the loss that each counts for; the shares sum to 1."""


class Mixup:
    """Mixes batches; draws from a generator of its own, so that it changes no other draw."""

    def __init__(self, alpha: float, seed: int) -> None:
        self.alpha = alpha
        self.generator = np.random.default_rng([seed, rank_and_world()[0]])

    def __call__(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Targets]:
        """Mix a batch (b, ...) of any dtype; a row's own share is at least a half.

        Every row is some row's partner, so that each label counts 1 in total and padding nothing.
        """
        own = float(self.generator.beta(self.alpha, self.alpha))
        own = max(own, 1 - own)
        partners = torch.from_numpy(self.generator.permutation(len(labels))).to(labels.device)
        rows = inputs.float()
        mixed = rows.lerp(rows[partners], 1 - own)
        return mixed, [(labels, own), (labels[partners], 1 - own)]
