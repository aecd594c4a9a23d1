"""Fine-tune the backbone's suffix and the head on cached prefix activations.

The prefix never runs in a trial, so it cannot change. `PixelRows` and `with_prefix` are the same
trial without the cache, the reference that the cache is tested against. With depth `all` nothing is
cached and the whole network is trained, on pixels; with depth `head` only the head is, on features.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from trainables.activations import ActivationTable
from trainables.backbones import Backbone
from trainables.heads import GlobalPool, build_head
from trainables.resident import RowMemory, resident_rows
from trainables.rows import IndexedRows
from trainables.transfer import transfer_module

BATCHNORM_MODES = ("train", "frozen")
_PIXEL_BATCH = 64


class ActivationRows(IndexedRows):
    """Prefix activations of a trial's rows, (n, C, h, w), labels (n,) int64.

    On the CPU, batches are read from the memory-mapped table on demand, and the page cache keeps
    what fits. On a GPU, as many rows as fit into `memory` are copied there once, in the table's
    dtype; only the others are read in every epoch.
    """

    def __init__(
        self,
        table: ActivationTable,
        numbers: np.ndarray,
        labels: np.ndarray,
        device: torch.device,
        memory: RowMemory | None = None,
    ) -> None:
        self.labels = torch.from_numpy(labels).to(device)
        self._table, self._numbers = table, numbers
        self._resident = resident_rows(table, numbers, device, memory or RowMemory())

    def inputs(self, rows: Tensor) -> Tensor:
        resident = len(self._resident)
        if resident == len(self):
            return self._resident[rows].float()
        if resident == 0:
            return self._read(rows)
        batch = torch.empty((len(rows), *self._resident.shape[1:]), device=rows.device)
        is_resident = rows < resident
        batch[is_resident] = self._resident[rows[is_resident]].float()
        batch[~is_resident] = self._read(rows[~is_resident])
        return batch

    def _read(self, rows: Tensor) -> Tensor:
        batch = torch.from_numpy(self._table.gather(self._numbers[rows.cpu().numpy()]))
        return batch.to(rows.device).float()


class PixelRows(IndexedRows):
    """Images (n, H, W, 3) uint8 of a trial's rows, for a module that is the whole network."""

    evaluation_batch = _PIXEL_BATCH

    def __init__(self, images: np.ndarray, labels: np.ndarray, device: torch.device) -> None:
        self.labels = torch.from_numpy(labels).to(device)
        self._images = torch.from_numpy(images)

    def inputs(self, rows: Tensor) -> Tensor:
        return self._images[rows.cpu()].to(rows.device).permute(0, 3, 1, 2)


class FinetuneModule(nn.Module):
    """Prefix activations (B, ...) -> logits (B, classes): suffix, pooling, head.

    `mixed` runs the suffix under bfloat16 autocast; pooling and head stay in float32. On a GPU,
    convolutions run channels last. `groups`: names of the suffix's parameters here, which may train
    at different rates, from input to output; by default they are one group.
    """

    def __init__(
        self,
        suffix: nn.Module,
        pooling: str,
        head: nn.Module,
        batchnorm: str = "train",
        mixed: bool = False,
        groups: Sequence[Sequence[str]] = (),
    ) -> None:
        super().__init__()
        if batchnorm not in BATCHNORM_MODES:
            raise ValueError(f"batchnorm={batchnorm!r}: expected one of {BATCHNORM_MODES}")
        self.suffix = suffix.requires_grad_(True)
        self.pool = GlobalPool(pooling)
        self.head = head
        self.batchnorm, self.mixed, self._groups = batchnorm, mixed, groups

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """Parameters by group, the head's last: see `trainables.optimiser.Layered`."""
        by_name = dict(self.suffix.named_parameters(prefix="suffix"))
        groups = [
            [by_name.pop(name) for name in names if name in by_name] for names in self._groups
        ]
        return [*filter(None, [*groups, list(by_name.values())]), list(self.head.parameters())]

    def forward(self, activations: Tensor) -> Tensor:
        if activations.is_cuda and activations.ndim == 4:
            activations = activations.contiguous(memory_format=torch.channels_last)
        with torch.autocast(activations.device.type, torch.bfloat16, enabled=self.mixed):
            features = self.suffix(activations)
        logits: Tensor = self.head(self.pool(features))
        return logits

    def train(self, mode: bool = True) -> FinetuneModule:
        """Set training mode; with `batchnorm="frozen"` the suffix's statistics stay fixed."""
        super().train(mode)
        if self.batchnorm == "frozen":
            for module in self.suffix.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self


def finetune_module(
    backbone: Backbone,
    pooling: str,
    hidden: Sequence[int],
    classes: int,
    *,
    batchnorm: str,
    seed: int,
    head_state: Mapping[str, Tensor] | None = None,
    depth: str = "last",
    mixed: bool = False,
    dropout: float = 0.2,
) -> FinetuneModule:
    """Build the trainable part of a fine-tuning trial.

    Its groups of layers, which may train at different rates, are the trained layer groups of the
    backbone (at depth `last` all that is trained of it) and the head.

    The head is `head_state` (the transfer champion's) or new. With depth `all` the module is the
    whole network and takes pixels (B, 3, H, W), 0..255; otherwise it is what lies after the
    backbone's cut.
    """
    torch.manual_seed(seed)
    head = build_head(feature_dim(backbone), hidden, classes, dropout)
    if head_state is not None:
        head.load_state_dict(head_state)
    trained, before = backbone.suffix, ""
    if depth == "all":
        names = ("normalise", "prefix", "suffix")
        trained = nn.Sequential(OrderedDict((name, getattr(backbone, name)) for name in names))
        before = "suffix."
    own = backbone.layer_groups if depth != "last" else []
    groups = [[f"{before}{name}" for name in group] for group in own]
    return FinetuneModule(trained, pooling, head, batchnorm, mixed, groups)


def head_module(
    feature_dim: int,
    hidden: Sequence[int],
    classes: int,
    seed: int,
    dropout: float,
    head_state: Mapping[str, Tensor] | None = None,
) -> nn.Sequential:
    """The trainable part at depth `head`, pooled features (B, feature_dim) -> logits: a transfer
    trial's, with the weights of `head_state`."""
    module = transfer_module(feature_dim, hidden, classes, seed, dropout)
    if head_state is not None:
        module.get_submodule("head").load_state_dict(head_state)
    return module


def with_prefix(backbone: Backbone, module: nn.Module) -> nn.Sequential:
    """The whole network, pixels (B, 3, H, W) 0..255 -> logits (B, classes).

    Its prefix is frozen and always in eval mode.
    """
    return nn.Sequential(_Frozen(backbone.normalise, backbone.prefix), module)


def with_backbone(backbone: Backbone, pooling: str, head: nn.Module) -> nn.Sequential:
    """The whole network of a transfer trial, pixels (B, 3, H, W) 0..255 -> logits (B, classes).

    Its backbone is frozen and always in eval mode.
    """
    parts = (backbone.normalise, backbone.prefix, backbone.suffix, GlobalPool(pooling))
    return nn.Sequential(_Frozen(*parts), head)


class _Frozen(nn.Sequential):
    """Modules that stay in eval mode."""

    def train(self, mode: bool = True) -> _Frozen:
        super().train(False)
        return self


@torch.no_grad()
def feature_dim(backbone: Backbone) -> int:
    """The number of features C that the backbone gives."""
    side = backbone.spec.image_size
    channels: int = backbone.suffix(backbone.prefix(torch.zeros(1, 3, side, side))).shape[1]
    return channels
