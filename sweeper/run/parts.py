"""Fetch the parts of a trial from the store, by the keys in its spec, each part once."""

from __future__ import annotations

from functools import cached_property, partial

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load
from torch import Tensor, nn

from datasets.shards import read_images
from sweeper.plan.trial_spec import TrialSpec
from sweeper.store.records import read_split
from sweeper.store.store import Store
from trainables.activations import ActivationTable, open_table
from trainables.backbones import Backbone
from trainables.checkpoint import Checkpoints
from trainables.device import CPU
from trainables.finetune import PixelRows, feature_dim
from trainables.resident import RowMemory
from trainables.rows import IndexedRows
from trainables.stored_backbone import StoredBackbone


class TrialParts:
    """The parts of one trial: its split, rows, backbone, and networks.

    `device`: where its rows are and its network is going to be; `memory`: what its rows may take
    there; `checkpoints`: where its training keeps its state.
    """

    def __init__(
        self,
        spec: TrialSpec,
        store: Store,
        device: torch.device = CPU,
        memory: RowMemory | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.spec, self.store, self.checkpoints = spec, store, checkpoints
        self.device, self.memory = device, memory or RowMemory()
        self.strategy = spec.entry

    def part(self, name: str) -> pd.DataFrame:
        """The rows of a part, train, val or test, of the trial's split."""
        split = read_split(self.store, self.spec.split_key)
        return split[split["part"] == name]

    @cached_property
    def shards(self) -> str:
        """The folder of the image shards of its rows."""
        return self.store.get("shards", self.spec.shards_key).folder

    @cached_property
    def table(self) -> ActivationTable:
        """The activation table that contains the rows of a cached trial."""
        artifact = self.store.get(self.spec.source, self.spec.table_key)
        check = partial(self.store.check_copy, artifact)
        return open_table(artifact.folder, self.store.filesystem, check)

    @cached_property
    def backbone(self) -> Backbone:
        """The backbone with its initial weights. A network built from it trains these modules
        themselves."""
        folder = self.store.get("backbones", self.spec.backbone_key).folder
        args, filesystem = self.spec.model_args, self.store.filesystem
        return StoredBackbone(self.spec.backbone_spec, args, folder, filesystem).load()

    @cached_property
    def feature_dim(self) -> int:
        """Channels of the backbone's pooled features."""
        if self.spec.is_end_to_end:
            return feature_dim(self.backbone)
        return int(self.table.shape[0])

    def weights(self, key: str) -> dict[str, Tensor]:
        """A finished trial's trained weights: `head.*` and, after fine-tuning, `suffix.*`."""
        data = self.store.read(self.store.get("trials", key), "weights.safetensors")
        weights: dict[str, Tensor] = load(data)
        return weights

    def rows(self, part: pd.DataFrame) -> IndexedRows:
        """Rows of the split as the trial's network takes them, on the device."""
        labels = part["label"].to_numpy(dtype=np.int64, copy=True)
        if self.spec.is_end_to_end:
            wanted = list(zip(part["image_id"], part["copy"], strict=True))
            images = read_images(self.shards, self.store.filesystem, wanted)
            return PixelRows(images, labels, self.device)
        return self.strategy.rows(self, self.table.find(part), labels)

    def module(self) -> nn.Module:
        """The module that the trial trains, in its initial state, on the CPU."""
        return self.strategy.module(self)

    def trained(self) -> nn.Module:
        """The same with the final weights of the finished trial."""
        module = self.module()
        module.load_state_dict(self.weights(self.spec.key))
        return module

    def network(self, module: nn.Module) -> nn.Module:
        """The network from the trial's rows to logits: `module` itself if they are cached."""
        return self.strategy.network(self, module) if self.spec.is_end_to_end else module

    def pixel_network(self, module: nn.Module) -> nn.Module:
        """`module` as the whole network, pixels (B, 3, H, W) 0..255 -> logits (B, classes)."""
        return self.strategy.network(self, module)
