"""What a method of explanation is, and what it returns."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from trainables.explain.score import Score

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Attribution:
    """An attribution map: signed, summed over channels, (H, W) float32, in units of the score.

    `baseline` is "" for a method without one. `change` is F(x) - F(x') and `delta` the sum of the
    map minus that; None for a method whose maps need not sum to it. With several baselines, the
    map, `change` and `delta` are means. `steps`: the passes through the network that it took.
    `converged`: whether the map is what the method defines, and not an approximation too coarse to
    show.
    """

    map: np.ndarray
    baseline: str
    change: float | None
    delta: float | None
    steps: int
    converged: bool


@dataclass(frozen=True)
class Options:
    """What a map depends on besides network, image and class.

    `max_steps` bounds the gradients for each baseline, and none is begun after `until`, a time of
    `time.perf_counter`. `seed` is that of noise.
    """

    baseline: str
    max_steps: int = 512
    random_baselines: int = 1
    seed: int = 0
    device: torch.device = CPU
    until: float = math.inf


class Method(ABC):
    """One entry of `METHODS`. Objects hold no state."""

    name: ClassVar[str]
    title: ClassVar[str]
    has_baseline: ClassVar[bool]  # whether a map depends on `Options.baseline`
    compares_baselines: ClassVar[bool] = False  # whether every baseline has a map of its own
    is_of_class: ClassVar[bool] = True  # whether the maps of two classes differ

    def refusal(self, model: Score, side: int) -> str:
        """Why there are no maps of this network for images (3, side, side), or ""."""
        return ""

    @abstractmethod
    def passes(self, max_steps: int, random_baselines: int) -> tuple[float, float]:
        """Forward passes that a map costs, at least and at most; a gradient counts as two."""

    @abstractmethod
    def attribute(
        self, model: Score, image: np.ndarray, target: int, options: Options
    ) -> Attribution:
        """The map of class `target` of an image (H, W, 3) uint8."""
