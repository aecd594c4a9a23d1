"""The one training loop: transfer, fine-tuning, one process or several. No Ray in here.

    fit = train(module, rows, validation, Setting(lr=1e-3, batch_size=16, epochs=30, seed=1))

Adam at a constant rate on the cross-entropy, rows reshuffled each epoch, the state of the epoch
with the best validation accuracy kept (the lower loss breaks a tie), as the paper's code does.

With several processes every rank takes its share of each global batch and losses are weighted by
rows, so gradients are those of the global batch whatever the shares' sizes; no row is padded or
counted twice. BatchNorm's statistics are made global by `distributed.synchronise_batchnorm`.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

LOOP_VERSION = 1
_EVALUATION_BATCH = 256


@dataclass(frozen=True)
class Setting:
    """What a trial trains with. `batch_size` is the global one."""

    lr: float
    batch_size: int
    epochs: int
    seed: int


@dataclass(frozen=True)
class Epoch:
    """One row of the `curves` table. Losses are means over rows, accuracies 0..1."""

    epoch: int  # from 1
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    lr: float
    epoch_s: float

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.train_loss) and math.isfinite(self.val_loss)


@dataclass(frozen=True)
class Fit:
    """What training leaves: the curve and the best epoch's trained state."""

    curve: list[Epoch]
    best_epoch: int
    state: dict[str, Tensor]
    images_per_s: float

    @property
    def val_accuracy(self) -> float:
        return self.curve[self.best_epoch - 1].val_accuracy


class Rows(Protocol):
    """Labelled inputs that a module can be fed with, addressed by row number."""

    labels: Tensor  # (n,) int64, on the device of the inputs

    def inputs(self, rows: Tensor) -> Tensor:
        """Inputs (b, ...) of the row numbers (b,) int64."""


def train(
    module: nn.Module,
    rows: Rows,
    validation: Rows,
    setting: Setting,
    on_epoch: Callable[[list[Epoch]], None] = lambda curve: None,
) -> Fit:
    """Train the parameters of `module` that require a gradient, inputs -> logits (b, classes).

    `on_epoch` gets the curve so far; what it raises ends the training. Training also ends, with
    the curve so far, at a loss that is not finite.
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(trained, lr=setting.lr, eps=1e-7, fused=True)  # Keras' epsilon
    generator = torch.Generator().manual_seed(setting.seed)
    core = _unwrapped(module)
    curve: list[Epoch] = []
    best, best_state, seconds = (-1.0, -math.inf), copy.deepcopy(core.state_dict()), 0.0
    while len(curve) < setting.epochs and all(epoch.is_finite for epoch in curve[-1:]):
        started = time.perf_counter()
        loss, accuracy = _one_epoch(module, rows, setting.batch_size, optimiser, generator)
        trained_s = time.perf_counter() - started
        val_loss, val_accuracy = evaluate(core, validation)
        seconds += trained_s
        took = time.perf_counter() - started
        curve.append(
            Epoch(len(curve) + 1, loss, accuracy, val_loss, val_accuracy, setting.lr, took)
        )
        if curve[-1].is_finite and (val_accuracy, -val_loss) > best:
            best, best_epoch = (val_accuracy, -val_loss), len(curve)
            best_state = copy.deepcopy(core.state_dict())
        on_epoch(curve)
    rate = len(rows.labels) * len(curve) / seconds
    return Fit(curve, best_epoch if best[0] >= 0 else 1, best_state, rate)


def evaluate(module: nn.Module, rows: Rows) -> tuple[float, float]:
    """Mean cross-entropy and accuracy over all rows; every rank takes a share."""
    rank, world = _rank_and_world()
    totals = torch.zeros(3, dtype=torch.float64, device=rows.labels.device)
    mine = torch.arange(rank, len(rows.labels), world)
    for batch, logits in _predict(module, rows, mine):
        labels = rows.labels[batch]
        loss = functional.cross_entropy(logits, labels, reduction="sum")
        totals += _counts(loss, logits, labels)
    loss_sum, hit_sum, count = _summed(totals)
    return loss_sum / count, hit_sum / count


def probabilities(module: nn.Module, rows: Rows) -> Tensor:
    """Class probabilities (n, classes) float32 of all rows, on the CPU."""
    every = torch.arange(len(rows.labels))
    return torch.cat([logits.softmax(1).cpu() for _, logits in _predict(module, rows, every)])


@torch.no_grad()
def _predict(module: nn.Module, rows: Rows, numbers: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    module.eval()
    for batch in numbers.split(_EVALUATION_BATCH):
        yield batch, module(rows.inputs(batch)).float()


def _one_epoch(
    module: nn.Module,
    rows: Rows,
    batch_size: int,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> tuple[float, float]:
    rank, world = _rank_and_world()
    module.train()
    totals = torch.zeros(3, dtype=torch.float64, device=rows.labels.device)
    for batch in batches(len(rows.labels), batch_size, generator, smallest=max(2, world)):
        mine = batch[rank::world]
        labels = rows.labels[mine]
        logits = module(rows.inputs(mine)).float()
        loss = functional.cross_entropy(logits, labels, reduction="sum")
        optimiser.zero_grad(set_to_none=True)
        # DDP averages over ranks: times world, by the global count, is the global batch's mean.
        (loss * (world / len(batch))).backward()
        optimiser.step()
        totals += _counts(loss.detach(), logits.detach(), labels)
    loss_sum, hit_sum, count = _summed(totals)
    return loss_sum / count, hit_sum / count


def batches(
    count: int, batch_size: int, generator: torch.Generator, smallest: int = 2
) -> Iterator[Tensor]:
    """A fresh permutation of row numbers in batches. A last batch under `smallest` rows joins the
    one before: BatchNorm cannot train on a single row, nor a rank on none."""
    order = torch.randperm(count, generator=generator)
    parts = list(order.split(batch_size))
    if len(parts) > 1 and len(parts[-1]) < smallest:
        parts[-2:] = [torch.cat(parts[-2:])]
    yield from parts


def _counts(loss_sum: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """(3,) float64 on the device: loss sum, hits, rows; read only once an epoch."""
    hits = (logits.argmax(1) == labels).sum()
    return torch.stack([loss_sum.double(), hits.double(), torch.ones_like(labels).sum().double()])


def _unwrapped(module: nn.Module) -> nn.Module:
    return module.module if isinstance(module, nn.parallel.DistributedDataParallel) else module


def _rank_and_world() -> tuple[int, int]:
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def _summed(totals: Tensor) -> list[float]:
    if _rank_and_world()[1] > 1:
        dist.all_reduce(totals)
    return [float(value) for value in totals]
