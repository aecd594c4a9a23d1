"""One cell the usual way: decode, augment and push every image through the backbone every epoch.

What a careful user writes by hand: a torch Dataset over the files, a DataLoader with workers, the
frozen backbone in eval mode, the same head, optimiser and loop as ours. The K copies are the same
pixels, so both sides train on the same rows.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from datasets.augment import augment
from datasets.decoding.decode import decode_image
from datasets.preprocess import Preprocessing, preprocess
from trainables.backbones import Backbone
from trainables.finetune import finetune_module, with_prefix


class ImageRows(Dataset[tuple[Tensor, int]]):
    """Rows (path, image_id, copy, label) as (3, N, N) uint8 and label, decoded on demand."""

    def __init__(self, root: Path, rows: pd.DataFrame, image_size: int) -> None:
        self.root, self.steps = root, Preprocessing(image_size)
        self.rows = list(rows[["path", "image_id", "copy", "label"]].itertuples(index=False))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        path, image_id, copy, label = self.rows[number]
        image = preprocess(decode_image((self.root / path).read_bytes()), self.steps)
        pixels = np.ascontiguousarray(augment(image, image_id, copy).transpose(2, 0, 1))
        return torch.from_numpy(pixels), label


@dataclass(frozen=True)
class UsualTimes:
    """Seconds a training epoch and a validation pass take, and the last validation accuracy."""

    train_s: float
    validate_s: float
    val_accuracy: float


def train_the_usual_way(
    backbone: Backbone,
    root: Path,
    train: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    strategy: str,
    image_size: int,
    classes: int,
    batch_size: int,
    epochs: int,
    workers: int = 2,
) -> UsualTimes:
    """Train `epochs` epochs and say what one takes (the mean, the loader's start included)."""
    head = finetune_module(backbone, "max", (512, 128), classes, batchnorm="train", seed=0)
    backbone.suffix.requires_grad_(strategy == "finetune")
    head.batchnorm = "train" if strategy == "finetune" else "frozen"
    module = with_prefix(backbone, head)
    optimiser = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=1e-3)
    rows = ImageRows(root, train, image_size)
    loader = DataLoader(rows, batch_size, shuffle=True, num_workers=workers, drop_last=True)
    held_out = DataLoader(ImageRows(root, validation, image_size), 64, num_workers=workers)
    train_s = validate_s = accuracy = 0.0
    for _ in range(epochs):
        started = time.perf_counter()
        _one_epoch(module, loader, optimiser)
        train_s += time.perf_counter() - started
        started = time.perf_counter()
        accuracy = _accuracy(module, held_out)
        validate_s += time.perf_counter() - started
    return UsualTimes(train_s / epochs, validate_s / epochs, accuracy)


def _one_epoch(
    module: nn.Module, loader: DataLoader[tuple[Tensor, int]], optimiser: torch.optim.Optimizer
) -> None:
    module.train()
    for pixels, labels in loader:
        optimiser.zero_grad()
        functional.cross_entropy(module(pixels), labels).backward()
        optimiser.step()


@torch.no_grad()
def _accuracy(module: nn.Module, loader: DataLoader[tuple[Tensor, int]]) -> float:
    module.eval()
    hits = sum(int((module(pixels).argmax(1) == labels).sum()) for pixels, labels in loader)
    return hits / len(loader.dataset)  # type: ignore[arg-type]
