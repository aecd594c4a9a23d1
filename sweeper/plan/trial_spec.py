"""A trial in plain values: what determines it, and nothing that runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from datasets.augment import Augmentation
from sweeper.plan.space import Hyperparameters
from sweeper.store.store import key_of
from trainables.heads import HEAD_VERSION
from trainables.loop import LOOP_VERSION
from trainables.online import ONLINE_VERSION
from trainables.stream import STREAM_VERSION

TRIAL_VERSION = 1


@dataclass(frozen=True)
class TrialSpec:
    """A trial, in plain values that travel as JSON. `*_key`: keys of artifacts in the store."""

    store: str
    cell: str
    draw: int
    strategy: str
    split_key: str
    source: str  # where its rows come from: `pooled` or `prefix` tables, or image `shards`
    table_key: str  # of the source
    backbone_key: str
    backbone: str
    model_args: tuple[tuple[str, str], ...]
    classes: int
    lr: float
    batch_size: int
    hidden: tuple[int, ...]
    epochs: int
    epoch_rows: int | None  # an epoch has as many steps as these rows make; None: it is a pass
    seed: int
    pooling: str
    batchnorm: str
    batchnorm_statistics: str
    depth: str
    precision: str
    online: bool  # every batch is augmented anew
    augmentation: Augmentation
    start_key: str | None  # the transfer champion whose head fine-tuning starts from
    rungs: tuple[int, ...]  # epochs at which the scheduler wants to hear
    grace_epochs: int  # it is not stopped at a rung before

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> TrialSpec:
        values = dict(fields)
        values["model_args"] = tuple((k, v) for k, v in values["model_args"])
        values["hidden"], values["rungs"] = tuple(values["hidden"]), tuple(values["rungs"])
        values["augmentation"] = Augmentation(**values["augmentation"])
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def hyperparameters(self) -> Hyperparameters:
        return Hyperparameters(self.lr, self.batch_size, self.hidden)

    @property
    def made_from(self) -> dict[str, Any]:
        """What determines the trial's outcome; neither its cell nor the scheduler does."""
        common = {
            "versions": [TRIAL_VERSION, LOOP_VERSION, HEAD_VERSION],
            "strategy": self.strategy,
            "split": self.split_key,
            "table": self.table_key,
            "classes": self.classes,
            "lr": self.lr,
            "batch_size": self.batch_size,
            "hidden": list(self.hidden),
            "epochs": self.epochs,
            "seed": self.seed,
            "epoch_rows": self.epoch_rows,
            "batchnorm_statistics": self.batchnorm_statistics,
        }
        if self.is_end_to_end:
            online = {"augmentation": self.augmentation.made_from, "version": ONLINE_VERSION}
            common |= {"stream": STREAM_VERSION, "online": online if self.online else None}
        if self.strategy == "finetune":
            common |= {"batchnorm": self.batchnorm, "start": self.start_key}
            common |= {"depth": self.depth} if self.depth != "suffix" else {}
            common |= {"precision": self.precision} if self.precision != "auto" else {}
        if self.strategy == "finetune" or self.is_end_to_end:
            common |= {"backbone": self.backbone_key, "pooling": self.pooling}
        return common

    @property
    def is_end_to_end(self) -> bool:
        """Whether it trains from pixels, for what it computes cannot be cached."""
        return self.source == "shards"

    @cached_property
    def key(self) -> str:
        return key_of(self.made_from)

    @property
    def identity(self) -> dict[str, Any]:
        """Its arguments of `write_record`."""
        return {"made_from": self.made_from, "cell": self.cell, "draw": self.draw}

    @property
    def training_seed(self) -> int:
        """Seeds initialisation, shuffling and dropout; derived from the trial's own identity."""
        return int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:6], "big")
