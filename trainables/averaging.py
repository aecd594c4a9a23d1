"""Exponential moving average of weights: what is validated and kept in place of the last weights.

Polyak and Juditsky 1992; as in TensorFlow and timm, the decay starts low, so that the initial
weights are soon forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """The moving average of a module's trained parameters and of its float buffers.

    Call `update` after each step of the optimiser. A BatchNorm's buffers are averaged with the same
    weights; where the loop recomputes them, it does so with the averaged parameters.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        buffers = [one for one in module.buffers() if one.is_floating_point()]
        parameters = [one for one in module.parameters() if one.requires_grad]
        self._current: list[Tensor] = [one.detach() for one in (*parameters, *buffers)]
        self._averages = [one.clone() for one in self._current]

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the current weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self._averages, self._current, 1 - decay)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The averages by number."""
        return {str(number): average for number, average in enumerate(self._averages)}

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        """Continue from averages after so many steps."""
        self.steps = steps
        for number, average in enumerate(self._averages):
            average.copy_(tensors[str(number)])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The module has the averages within the `with` block, and its own weights after it.

        What the block does to them stays with the averages.
        """
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for current, average in zip(self._current, self._averages, strict=True):
            kept = current.clone()
            current.copy_(average)
            average.copy_(kept)
