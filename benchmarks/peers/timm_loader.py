"""Image files as a torch data set, with timm's own transforms."""

from __future__ import annotations

from typing import Any

import pandas as pd
import torch
from PIL import Image
from timm.data.transforms_factory import create_transform
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.peers.task import Task


class ImageFiles(Dataset[tuple[Tensor, int]]):
    """(3, H, W) float32, normalised, and the class number."""

    def __init__(self, rows: pd.DataFrame, classes: list[str], transform: Any) -> None:
        self.paths = list(rows["path"])
        self.labels = [classes.index(label) for label in rows["label"]]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        with Image.open(self.paths[number]) as image:
            return self.transform(image.convert("RGB")), self.labels[number]


def loader(task: Task, part: str, *, train: bool) -> DataLoader[tuple[Tensor, int]]:
    """A part's batches; training ones shuffled, cropped and flipped, as timm does by default."""
    transform = create_transform(
        (3, task.image_size, task.image_size),
        is_training=train,
        mean=task.mean,
        std=task.std,
        scale=(0.5, 1.0) if train else None,  # 0.08 is meant for ImageNet
        color_jitter=0.0,
        crop_pct=1.0,
    )
    return DataLoader(
        ImageFiles(task.of(part), task.classes, transform),
        task.batch_size if train else 64,
        shuffle=train,
        drop_last=train,
        num_workers=task.workers,
        persistent_workers=task.workers > 0,
        generator=torch.Generator().manual_seed(task.seed),
    )
