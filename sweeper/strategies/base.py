"""What a strategy is: what it trains, on which rows, from where, and what that costs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import nn

    from sweeper.config.schema import Config
    from sweeper.plan.trial_spec import TrialSpec
    from sweeper.run.parts import TrialParts
    from trainables.network_size import NetworkSize
    from trainables.rows import IndexedRows

PIXELS = "shards"
"""The source of a trial that trains on the image shards: what it computes cannot be cached."""


@dataclass(frozen=True)
class Trained:
    """What a trial trains of a backbone: multiply-adds of one image, and numbers to keep; the head
    is not counted."""

    macs: float
    parameters: int


class Strategy(ABC):
    """One entry of the axis `strategy`. Objects hold no state."""

    name: ClassVar[str]
    work: ClassVar[str]  # the kind of work its training is: see `estimate.speed`
    seconds_beside_training: ClassVar[tuple[float, float]]  # of a trial, at least and at most
    shares_workers: ClassVar[bool]  # whether several workers may train one of its cached trials

    # --- the plan ------------------------------------------------------------------------------

    def parent(self, config: Config) -> str | None:
        """The strategy whose champion, of the same cell otherwise, its trials start from."""
        return None

    @abstractmethod
    def limits(self, config: Config) -> tuple[int, int]:
        """Draws of a cell, epochs of a trial."""

    @abstractmethod
    def source(self, config: Config) -> str:
        """The artifact that holds its rows: a kind of activation table, or `PIXELS`."""

    @abstractmethod
    def settings(self, config: Config) -> dict[str, Any]:
        """What the configuration fixes for all of its trials; plain values."""

    @abstractmethod
    def keyed(self, spec: TrialSpec) -> dict[str, Any]:
        """What of a trial's settings determines its outcome, besides its rows and its draw."""

    # --- a trial -------------------------------------------------------------------------------

    @abstractmethod
    def module(self, parts: TrialParts) -> nn.Module:
        """What a trial trains, as it starts, on the CPU. Its state is what the store keeps: names
        begin with `head.` and, where layers of the backbone are trained, `suffix.`."""

    @abstractmethod
    def network(self, parts: TrialParts, module: nn.Module) -> nn.Module:
        """`module` as the whole network, pixels (B, 3, H, W) 0..255 -> logits (B, classes)."""

    @abstractmethod
    def rows(
        self,
        parts: TrialParts,
        numbers: np.ndarray,
        labels: np.ndarray,
        device: torch.device,
    ) -> IndexedRows:
        """Rows of the trial's activation table by their numbers (n,), as `module` takes them."""

    def backbone_names(self, spec: TrialSpec, names: Mapping[str, Any]) -> dict[str, Any]:
        """The trained weights of the backbone among `names`, by their names in `Backbone.state`."""
        return {}

    # --- its cost ------------------------------------------------------------------------------

    @abstractmethod
    def trained(self, size: NetworkSize, config: Config) -> Trained:
        """What of the backbone a trial trains."""
