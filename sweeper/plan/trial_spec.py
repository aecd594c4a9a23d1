"""Specify a trial in plain values, and define its key: what determines its outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from datasets.augment import Augmentation
from sweeper.store.artifact import Target
from sweeper.strategies import STRATEGIES
from sweeper.strategies.base import PIXELS, Strategy
from trainables.hyperparameters import keyed, plain, value_of
from trainables.online import ONLINE_VERSION
from trainables.registry import BACKBONES, BackboneSpec
from trainables.versions import HEAD_VERSION, LOOP_VERSION, STREAM_VERSION

TRIAL_VERSION = 1

_KEYED_WITHOUT = "accuracy"  # the metric that decided before there was a choice


@dataclass(frozen=True)
class TrialSpec:
    """A trial, in plain values that travel as JSON. `*_key`: keys of artifacts in the store."""

    store: str
    cell: str
    draw: int
    strategy: str
    split_key: str
    source: str  # where its rows come from: a kind of activation table, or image `shards`
    table_key: str  # of the source
    shards_key: str  # the images of its rows
    backbone_key: str
    backbone: str
    model_args: tuple[tuple[str, str], ...]
    classes: int
    hyperparameters: Mapping[str, Any]  # the draw
    settings: Mapping[str, Any]  # what the strategy fixes for all of its trials
    batchnorm_statistics: str
    epochs: int
    epoch_rows: int | None  # rows that set the steps of an epoch; None: one pass over all rows
    seed: int
    online: bool  # every batch is augmented on the fly
    augmentation: Augmentation
    start_key: str | None  # the trained trial that it starts from
    metric: str  # decides on validation which epoch is kept
    rungs: tuple[int, ...]  # epochs at which the scheduler decides
    grace_epochs: int  # it is not stopped at an earlier rung
    network: BackboneSpec | None = None  # the backbone with its cut; None: the built-in one

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> TrialSpec:
        values = dict(fields)
        values["model_args"] = tuple((k, v) for k, v in values["model_args"])
        values["rungs"] = tuple(values["rungs"])
        values["hyperparameters"] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values["hyperparameters"].items()
        }
        values["augmentation"] = Augmentation(**values["augmentation"])
        if values.get("network"):
            values["network"] = BackboneSpec(**values["network"])
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def elsewhere(self, store: str) -> TrialSpec:
        """The same trial in a store that has moved."""
        return replace(self, store=store)

    @property
    def backbone_spec(self) -> BackboneSpec:
        """Its network, with the cut before what it trains."""
        return self.network or BACKBONES[self.backbone]

    @property
    def entry(self) -> Strategy:
        """Its strategy."""
        return STRATEGIES[self.strategy]

    def drawn(self, name: str) -> Any:
        """The value of a hyperparameter."""
        return value_of(self.hyperparameters, name)

    @property
    def made_from(self) -> dict[str, Any]:
        """The content of the trial's key: what determines its outcome, so not cell or scheduler."""
        common: dict[str, Any] = {
            "versions": [TRIAL_VERSION],
            "strategy": self.strategy,
            "split": self.split_key,
            "table": self.table_key,
            "classes": self.classes,
        }
        if self.entry.by_epochs:
            common |= self._made_by_epochs
        if self.is_end_to_end:
            online = {"augmentation": self.augmentation.made_from, "version": ONLINE_VERSION}
            common |= {"stream": STREAM_VERSION, "online": online if self.online else None}
        if self.metric != _KEYED_WITHOUT:
            common |= {"metric": self.metric}
        return {**common, **keyed(self.hyperparameters), **self.entry.keyed(self)}

    @property
    def _made_by_epochs(self) -> dict[str, Any]:
        """What the training loop's outcome depends on, besides its rows."""
        return {
            "versions": [TRIAL_VERSION, LOOP_VERSION, HEAD_VERSION],
            "epochs": self.epochs,
            "seed": self.seed,
            "epoch_rows": self.epoch_rows,
            "batchnorm_statistics": self.batchnorm_statistics,
        }

    @property
    def is_end_to_end(self) -> bool:
        """Whether it trains from pixels, because nothing that it computes can be cached."""
        return self.source == PIXELS

    @cached_property
    def target(self) -> Target:
        """Its artifact."""
        return Target("trials", self.made_from)

    @property
    def key(self) -> str:
        return self.target.key

    @property
    def identity(self) -> dict[str, Any]:
        """Its arguments of `write_record`."""
        drawn = {name: plain(value) for name, value in self.hyperparameters.items()}
        return {
            "target": self.target,
            "cell": self.cell,
            "draw": self.draw,
            "hyperparameters": drawn,
        }

    @property
    def training_seed(self) -> int:
        """Seeds initialisation, shuffling and dropout; derived from the trial's own identity."""
        return int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:6], "big")
