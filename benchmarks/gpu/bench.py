"""What the parts of the GPU benchmark share: device, sizes, networks, and rows of results."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datasets.textures import textures
from trainables.backbones import Backbone
from trainables.finetune import FinetuneModule, finetune_module
from trainables.pretrained import load_backbone
from trainables.registry import BACKBONES, BackboneSpec, Weights
from trainables.rows import IndexedRows

CLASSES, BATCH, HIDDEN = 10, 16, (512, 128)
_CALIBRATION = 16  # pictures


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    part: str
    what: str
    value: float
    unit: str
    beside: str = ""  # what it is compared with


@dataclass(frozen=True)
class Bench:
    """Where and how much is measured."""

    device: torch.device
    scratch: Path
    side: int  # px
    rows: int  # of the images that are extracted
    seconds: float  # of one timing
    backbones: tuple[str, ...]
    overrides: tuple[str, ...]  # of the grid's configuration

    @property
    def is_gpu(self) -> bool:
        return self.device.type == "cuda"

    def spec(self, name: str) -> BackboneSpec:
        return replace(BACKBONES[name], image_size=self.side)

    def backbone(self, name: str) -> Backbone:
        """With random weights whose features differ from image to image, on the CPU."""
        return load_backbone(
            self.spec(name), Weights.parse("none"), pixels(_CALIBRATION, self.side)
        )

    def module(self, name: str, mixed: bool = False) -> FinetuneModule:
        """What a fine-tuning trial trains, on the device."""
        module = finetune_module(
            self.backbone(name),
            "max",
            HIDDEN,
            CLASSES,
            batchnorm="train",
            seed=0,
            mixed=mixed,
        )
        return module.to(self.device)

    def synchronise(self) -> None:
        if self.is_gpu:
            torch.cuda.synchronize(self.device)

    def rate(self, work: Callable[[], object], seconds: float | None = None) -> float:
        """How often a second, after warming up."""
        for _ in range(3):
            work()
        self.synchronise()
        started, done = time.perf_counter(), 0
        while time.perf_counter() - started < (seconds or self.seconds):
            for _ in range(4):
                work()
            self.synchronise()
            done += 4
        return done / (time.perf_counter() - started)


class TensorRows(IndexedRows):
    """Rows that lie on the device as a tensor (n, ...)."""

    def __init__(self, values: Tensor, labels: Tensor) -> None:
        self.values, self.labels = values, labels

    def inputs(self, rows: Tensor) -> Tensor:
        return self.values[rows]


def pixels(count: int, side: int) -> Tensor:
    """Textures as images, uint8 (count, 3, side, side)."""
    pictures = torch.from_numpy(np.stack(textures(count))[:, None]).float()
    scaled = torch.nn.functional.interpolate(pictures, size=(side, side), mode="area")
    return scaled.to(torch.uint8).expand(-1, 3, -1, -1).contiguous()


def labels_of(count: int) -> Tensor:
    return torch.arange(count) % CLASSES
