"""The training loop of transfer and fine-tuning, in one process or several. It does not use Ray.

    fit = train(module, rows, validation, Setting({"lr": 1e-3, "batch_size": 16}, 30, seed=1))

As in the paper's code: Adam with a constant learning rate on the cross-entropy, rows reshuffled in
each pass, and the state of the epoch with the best validation accuracy kept, or the best by another
`criterion` (ties are broken by the lower loss). Unlike there, validation uses BatchNorm statistics
of the training rows (`batchnorm`).

With several processes every rank takes its share of each global batch (`rows`) and losses are
weighted by rows, so that gradients are those of the global batch for any share sizes and no row is
counted twice. `distributed.synchronise_batchnorm` makes BatchNorm's statistics global.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

from trainables.batchnorm import BatchNormStatistics
from trainables.criterion import ACCURACY, Criterion, rank
from trainables.hyperparameters import build_optimiser
from trainables.rows import Batch, IndexedRows, Rows, count_batches, rank_and_world

LOOP_VERSION = 2


@dataclass(frozen=True)
class Setting:
    """What a trial trains with. `batch_size` is the global one.

    `epoch_rows`: an epoch has as many steps as a pass over that many rows; passes over the rows go
    on from one epoch to the next. None: an epoch is a pass.
    """

    hyperparameters: Mapping[str, Any]  # a value for each of `HYPERPARAMETERS`
    epochs: int
    seed: int
    batchnorm_statistics: str = "training_rows"  # or "running_average"
    epoch_rows: int | None = None

    @property
    def lr(self) -> float:
        return float(self.hyperparameters["lr"])

    @property
    def batch_size(self) -> int:
        return int(self.hyperparameters["batch_size"])

    @property
    def epoch_steps(self) -> int | None:
        return count_batches(self.epoch_rows, self.batch_size) if self.epoch_rows else None


@dataclass(frozen=True)
class Epoch:
    """One row of the `curves` table. Losses are means over rows, accuracies 0..1."""

    epoch: int  # from 1
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_score: float  # of the criterion, higher is better
    lr: float
    steps: int  # of the optimiser, since the start of the training
    passes: float  # over the training rows, since the start of the training
    epoch_s: float

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.train_loss) and math.isfinite(self.val_loss)


@dataclass(frozen=True)
class Fit:
    """The result of a training: the curve and the best epoch's state."""

    curve: list[Epoch]
    best_epoch: int
    state: dict[str, Tensor]
    images_per_s: float
    data_wait: float  # share of the training time, 0..1, spent waiting for the next batch

    @property
    def val_accuracy(self) -> float:
        return self.curve[self.best_epoch - 1].val_accuracy


def train(
    module: nn.Module,
    rows: Rows,
    validation: IndexedRows,
    setting: Setting,
    on_epoch: Callable[[list[Epoch]], None] = lambda curve: None,
    criterion: Criterion = ACCURACY,
) -> Fit:
    """Train the parameters of `module` that require a gradient, inputs -> logits (b, classes).

    `on_epoch` gets the curve so far; an exception from it ends the training. Training also ends,
    with the curve so far, when a loss is not finite. `criterion` decides which epoch is kept.
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    optimiser = build_optimiser(trained, setting.hyperparameters)
    core = _unwrapped(module)
    recomputes = setting.batchnorm_statistics == "training_rows"
    statistics = BatchNormStatistics(core) if recomputes else None
    curve: list[Epoch] = []
    best, best_epoch, best_state = rank(-math.inf, math.inf), 1, copy.deepcopy(core.state_dict())
    seconds = 0.0
    batches = _Batches(rows, setting)
    every = max(1, round(len(rows) / (setting.epoch_rows or len(rows))))
    while len(curve) < setting.epochs and all(epoch.is_finite for epoch in curve[-1:]):
        started = time.perf_counter()
        sample = rows.sample(every, len(curve)) if statistics else None
        loss, accuracy = _one_epoch(
            module, batches.epoch(), optimiser, None if sample else statistics
        )
        if statistics and sample:
            statistics.recompute(sample)
        seconds += time.perf_counter() - started
        val_loss, val_accuracy, val_score = evaluate(core, validation, criterion)
        curve.append(
            Epoch(
                epoch=len(curve) + 1,
                train_loss=loss,
                train_accuracy=accuracy,
                val_loss=val_loss,
                val_accuracy=val_accuracy,
                val_score=val_score,
                lr=setting.lr,
                steps=batches.steps,
                passes=batches.rows / len(rows),
                epoch_s=time.perf_counter() - started,
            )
        )
        if curve[-1].is_finite and rank(val_score, val_loss) > best:
            best, best_epoch = rank(val_score, val_loss), len(curve)
            best_state = copy.deepcopy(core.state_dict())
        on_epoch(curve)
    return Fit(curve, best_epoch, best_state, batches.rows / seconds, batches.waited_s / seconds)


def evaluate(
    module: nn.Module, rows: IndexedRows, criterion: Criterion = ACCURACY
) -> tuple[float, float, float]:
    """Mean cross-entropy, accuracy and score over all rows; every rank takes a share."""
    totals = torch.zeros(3, dtype=torch.float64, device=rows.labels.device)
    shares = []
    for logits, labels in _predictions(module, rows.ordered(*rank_and_world())):
        loss = functional.cross_entropy(logits, labels, reduction="sum")
        totals += _counts(loss, logits, labels)
        shares += [logits.softmax(1)] if criterion.of_rows else []
    means = _means(totals)
    return *means, criterion.score(*means, lambda: _gathered(shares, rows.labels))


def _gathered(shares: list[Tensor], labels: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of all rows in their order, from the `shares` of all ranks."""
    first, world = rank_and_world()
    found = torch.zeros(len(labels), shares[0].shape[1], device=labels.device)
    found[first::world] = torch.cat(shares)
    if world > 1:
        dist.all_reduce(found)
    return labels.cpu().numpy(), found.cpu().numpy()


def probabilities(module: nn.Module, rows: IndexedRows) -> Tensor:
    """Class probabilities (n, classes) float32 of all rows, on the CPU."""
    predictions = _predictions(module, rows.ordered())
    return torch.cat([logits.softmax(1).cpu() for logits, _ in predictions])


@torch.no_grad()
def _predictions(
    module: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield logits and labels."""
    module.eval()
    for inputs, labels in batches:
        yield module(inputs).float(), labels


def _one_epoch(
    module: nn.Module,
    batches: Iterable[Batch],
    optimiser: torch.optim.Optimizer,
    statistics: BatchNormStatistics | None,
) -> tuple[float, float]:
    """Mean loss and accuracy of the epoch, over all ranks."""
    _, world = rank_and_world()
    module.train()
    totals = torch.zeros(3, dtype=torch.float64, device=next(module.parameters()).device)
    with statistics.collected() if statistics else nullcontext() as add_batch:
        for inputs, labels, global_size in batches:
            logits = module(inputs).float()
            loss = functional.cross_entropy(logits, labels, reduction="sum")
            optimiser.zero_grad(set_to_none=True)
            # DDP averages over ranks: this scale gives the gradient of the global batch's mean.
            (loss * (world / global_size)).backward()
            optimiser.step()
            totals += _counts(loss.detach(), logits.detach(), labels)
            if add_batch:
                add_batch(global_size)
    return _means(totals)


def _passes(rows: Rows, setting: Setting, generator: torch.Generator) -> Iterator[Iterator[Batch]]:
    """Endless passes over the rows."""
    while True:
        yield rows.shuffled(setting.batch_size, generator)


class _Batches:
    """The batches of successive epochs, with counts and the time spent waiting for them."""

    def __init__(self, rows: Rows, setting: Setting) -> None:
        self.steps, self.rows, self.waited_s = 0, 0, 0.0
        generator = torch.Generator().manual_seed(setting.seed)
        self._passes = _passes(rows, setting, generator)
        self._endless = chain.from_iterable(self._passes)
        self._epoch_steps = setting.epoch_steps

    def epoch(self) -> Iterator[Batch]:
        """A pass over the rows, or the steps of one epoch, continuing where the last one ended."""
        if self._epoch_steps is None:
            return self._counted(next(self._passes))
        return self._counted(islice(self._endless, self._epoch_steps))

    def _counted(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        while True:
            started = time.perf_counter()
            batch = next(batches, None)
            self.waited_s += time.perf_counter() - started
            if batch is None:
                return
            self.steps, self.rows = self.steps + 1, self.rows + batch.global_size
            yield batch


def _counts(loss_sum: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """Loss sum, hits and rows, (3,) float64 on the device. A label below 0 is padding."""
    hits = (logits.argmax(1) == labels).sum()
    return torch.stack([loss_sum.double(), hits.double(), (labels >= 0).sum().double()])


def _unwrapped(module: nn.Module) -> nn.Module:
    return module.module if isinstance(module, nn.parallel.DistributedDataParallel) else module


def _means(totals: Tensor) -> tuple[float, float]:
    """Mean loss and accuracy from the `_counts` of all ranks."""
    if rank_and_world()[1] > 1:
        dist.all_reduce(totals)
    loss_sum, hits, count = totals.tolist()
    return loss_sum / count, hits / count
