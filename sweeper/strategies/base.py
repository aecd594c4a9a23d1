"""The interface of a strategy: what it trains, on which rows, from which start, at what cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

    from sweeper.config.schema import Config
    from sweeper.plan.trial_spec import TrialSpec
    from sweeper.run.parts import TrialParts
    from trainables.criterion import Criterion
    from trainables.loop import Epoch, Fit
    from trainables.network_size import NetworkSize
    from trainables.rows import IndexedRows, Rows

PIXELS = "shards"
"""The source of a trial that trains on the image shards: what it computes cannot be cached."""


@dataclass(frozen=True)
class Trained:
    """The cost of a trained part: multiply-adds of one image, and numbers to keep."""

    macs: float
    parameters: int


class Strategy(ABC):
    """One entry of the axis `strategy`. Objects hold no state."""

    name: ClassVar[str]
    work: ClassVar[str]  # the kind of work its training is: see `estimate.speed`
    seconds_beside_training: ClassVar[tuple[float, float]]  # of a trial, at least and at most
    passes_of_epoch: ClassVar[tuple[float, float]] = (1.0, 1.0)  # over the rows, likewise
    trains_backbone: ClassVar[bool] = False  # whether some of its layers are trained
    shares_workers: ClassVar[bool] = False  # whether several may train one of its cached trials
    by_epochs: ClassVar[bool]  # whether hyperparameters, epochs and seeds make a difference
    unexplained: ClassVar[str] = ""  # why its networks have no maps

    # --- the plan ------------------------------------------------------------------------------

    def parent(self, config: Config) -> str | None:
        """The strategy whose champion its trials start from, in the otherwise same cell."""
        return None

    @abstractmethod
    def limits(self, config: Config) -> tuple[int, int]:
        """Draws of a cell, epochs of a trial."""

    @abstractmethod
    def source(self, config: Config) -> str:
        """The artifact that holds its rows: a kind of activation table, or `PIXELS`."""

    @abstractmethod
    def settings(self, config: Config) -> dict[str, Any]:
        """The settings that the configuration fixes for all of its trials; plain values."""

    @abstractmethod
    def keyed(self, spec: TrialSpec) -> dict[str, Any]:
        """The settings that determine a trial's outcome, besides its rows and its draw."""

    # --- a trial -------------------------------------------------------------------------------

    @abstractmethod
    def fit(
        self,
        parts: TrialParts,
        network: nn.Module,
        rows: Rows,
        validation: IndexedRows,
        on_epoch: Callable[[list[Epoch]], None],
        criterion: Criterion,
    ) -> Fit:
        """Fit `network`, from `rows` to logits; `criterion` chooses its state on `validation`.
        `on_epoch` gets the curve so far."""

    @abstractmethod
    def module(self, parts: TrialParts) -> nn.Module:
        """The module that a trial trains, in its initial state, on the CPU. The store keeps its
        state: names begin with `head.` and, if layers of the backbone are trained, `suffix.`."""

    @abstractmethod
    def network(self, parts: TrialParts, module: nn.Module) -> nn.Module:
        """`module` as the whole network, pixels (B, 3, H, W) 0..255 -> logits (B, classes)."""

    @abstractmethod
    def rows(
        self,
        parts: TrialParts,
        numbers: np.ndarray,
        labels: np.ndarray,
    ) -> IndexedRows:
        """Rows of the trial's activation table by their numbers (n,), as `module` takes them, on
        the trial's device."""

    def precision(self, spec: TrialSpec, device: torch.device) -> str:
        """The arithmetic of what a trial trains: float32 or bfloat16."""
        return "float32"

    def backbone_names(self, spec: TrialSpec, names: Mapping[str, Any]) -> dict[str, Any]:
        """The trained weights of the backbone among `names`, by their names in `Backbone.state`."""
        return {}

    @abstractmethod
    def exported(self, spec: TrialSpec, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        """The head among a trial's `weights`, as the exported `config.json` describes it: `head`
        names an entry of `HEADS` in `sweeper.use.exported.classify`, the others are what it
        reads."""

    # --- its cost ------------------------------------------------------------------------------

    @abstractmethod
    def trained(self, size: NetworkSize, config: Config) -> Trained:
        """The part of the backbone that a trial trains."""

    @abstractmethod
    def head(
        self, features: int, hyperparameters: Mapping[str, Any], classes: int, rows: int
    ) -> Trained:
        """The head on `features` numbers of an image, fitted on so many training rows."""
