"""Fine-tuning: the backbone's suffix and the head on cached prefix activations.

The prefix never runs in a trial, so it cannot move. `PixelRows` with `with_prefix` is the same
trial uncached, the yardstick the cache is tested against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from trainables.activations import ActivationTable
from trainables.backbones import Backbone
from trainables.heads import GlobalPool, build_head

BATCHNORM_MODES = ("train", "frozen")


class ActivationRows:
    """Prefix activations of a trial's rows, (n, C, h, w), labels (n,) int64.

    On the CPU batches are read from the mapped table as they are needed; on a GPU the rows are
    moved there once, in the table's own type, where they fit into `budget_bytes`.
    """

    def __init__(
        self,
        table: ActivationTable,
        numbers: np.ndarray,
        labels: np.ndarray,
        device: torch.device,
        budget_bytes: int = 0,
    ) -> None:
        self.labels = torch.from_numpy(labels).to(device)
        self._table, self._numbers, self._device = table, numbers, device
        size = len(numbers) * int(np.prod(table.shape)) * table.dtype.itemsize
        fits = device.type == "cuda" and size <= budget_bytes
        self._resident = torch.from_numpy(table.gather(numbers)).to(device) if fits else None

    def inputs(self, rows: Tensor) -> Tensor:
        if self._resident is not None:
            return self._resident[rows.to(self._device)].float()
        batch = torch.from_numpy(self._table.gather(self._numbers[rows.numpy()]))
        return batch.to(self._device).float()


class PixelRows:
    """Images (n, H, W, 3) uint8 of a trial's rows, for a module that holds the whole network."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, device: torch.device) -> None:
        self.labels = torch.from_numpy(labels).to(device)
        self._images, self._device = torch.from_numpy(images), device

    def inputs(self, rows: Tensor) -> Tensor:
        return self._images[rows].permute(0, 3, 1, 2).to(self._device)


class FinetuneModule(nn.Module):
    """Prefix activations (B, C, h, w) -> logits (B, classes): suffix, pooling, head."""

    def __init__(
        self, suffix: nn.Module, pooling: str, head: nn.Module, batchnorm: str = "train"
    ) -> None:
        super().__init__()
        if batchnorm not in BATCHNORM_MODES:
            raise ValueError(f"batchnorm={batchnorm!r}: expected one of {BATCHNORM_MODES}")
        self.suffix = suffix.requires_grad_(True)
        self.pool = GlobalPool(pooling)
        self.head = head
        self.batchnorm = batchnorm

    def forward(self, activations: Tensor) -> Tensor:
        logits: Tensor = self.head(self.pool(self.suffix(activations)))
        return logits

    def train(self, mode: bool = True) -> FinetuneModule:
        """Training mode; with `batchnorm="frozen"` the suffix's statistics stay as they are."""
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
) -> FinetuneModule:
    """The trainable part of a fine-tuning trial, with a fresh head or the transfer champion's."""
    torch.manual_seed(seed)
    head = build_head(feature_dim(backbone), hidden, classes)
    if head_state is not None:
        head.load_state_dict(head_state)
    return FinetuneModule(backbone.suffix, pooling, head, batchnorm)


def with_prefix(backbone: Backbone, module: nn.Module) -> nn.Sequential:
    """The whole network, pixels (B, 3, H, W) 0..255 -> logits (B, classes), its prefix frozen and
    in eval mode whatever mode the rest is in."""
    return nn.Sequential(_Frozen(backbone.normalise, backbone.prefix), module)


class _Frozen(nn.Sequential):
    """Modules that stay in eval mode."""

    def train(self, mode: bool = True) -> _Frozen:
        super().train(False)
        return self


@torch.no_grad()
def feature_dim(backbone: Backbone) -> int:
    """Channels C of the backbone's last feature map."""
    smallest = torch.zeros(1, 3, backbone.spec.smallest_input, backbone.spec.smallest_input)
    channels: int = backbone.suffix(backbone.prefix(smallest)).shape[1]
    return channels
