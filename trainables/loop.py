"""The training loop of transfer and fine-tuning, in one process or several. It does not use Ray.

    fit = train(module, rows, validation, Setting({"lr": 1e-3, "batch_size": 16}, 30, seed=1))

The draw says how: optimiser and schedule (`optimiser`), loss (`losses`), sampling, mixup, gradient
clipping, averaged weights, early stopping. With neutral values all is as in the paper's code: Adam
with a constant learning rate on the cross-entropy, rows reshuffled in each pass, and the state of
the epoch with the best validation accuracy kept, or the best by another `criterion` (ties are
broken by the lower loss). Unlike there, validation uses BatchNorm statistics of the training rows
(`batchnorm`).

With several processes every rank takes its share of each global batch (`rows`) and losses are
weighted by rows, so that gradients are those of the global batch for any share sizes and no row is
counted twice. `synchronised_batchnorm` makes BatchNorm's statistics global.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

from trainables.averaging import WeightAverage
from trainables.batches import Batches
from trainables.batchnorm import BatchNormStatistics
from trainables.checkpoint import (
    Checkpoint,
    Checkpoints,
    optimiser_tensors,
    random_states,
    restore_optimiser,
    restore_random_states,
)
from trainables.criterion import ACCURACY, Criterion, rank
from trainables.hyperparameters import value_of
from trainables.losses import build_loss
from trainables.mixing import Mixup
from trainables.optimiser import Schedule, build_optimiser
from trainables.rows import Batch, IndexedRows, Rows, count_batches, rank_and_world
from trainables.sampling import sampled


@dataclass(frozen=True)
class Setting:
    """What a trial trains with. `batch_size` is the global one.

    `epoch_rows`: an epoch has as many steps as a pass over that many rows; passes over the rows go
    on from one epoch to the next. None: an epoch is a pass.
    """

    hyperparameters: Mapping[str, Any]  # a draw; what it lacks has its neutral value
    epochs: int
    seed: int
    batchnorm_statistics: str = "training_rows"  # or "running_average"
    epoch_rows: int | None = None
    class_counts: Sequence[int] | None = None  # training images of each class, for class weights

    def of(self, name: str) -> Any:
        """The value of a hyperparameter."""
        return value_of(self.hyperparameters, name)

    @property
    def batch_size(self) -> int:
        return int(self.hyperparameters["batch_size"])

    def epoch_steps(self, rows: int) -> int | None:
        """Steps of an epoch over that many rows; None: those of a pass."""
        epoch_rows = self.epoch_rows
        if self.of("sampling") == "balanced":  # a pass repeats rows; an epoch is no longer for it
            epoch_rows = epoch_rows or rows
        return count_batches(epoch_rows, self.batch_size) if epoch_rows else None

    def total_steps(self, rows: int) -> int:
        """Steps of the whole training, if nothing ends it early."""
        a_pass = count_batches(rows, self.batch_size, smallest=max(2, rank_and_world()[1]))
        return self.epochs * (self.epoch_steps(rows) or a_pass)


@dataclass(frozen=True)
class Epoch:
    """One row of the `curves` table. Losses are means over rows, accuracies 0..1.

    The training loss is the draw's, with its weights and smoothing; the validation loss is always
    the plain cross-entropy.
    """

    epoch: int  # from 1
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_score: float  # of the criterion, higher is better
    lr: float | None  # of the epoch's last step; None where nothing is trained at a rate
    steps: int  # of the optimiser, since the start of the training
    passes: float  # over the training rows, since the start of the training
    epoch_s: float

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.train_loss) and math.isfinite(self.val_loss)


@dataclass(frozen=True)
class Candidate:
    """A setting that a fit tried by itself, and its result on the validation rows."""

    setting: Mapping[str, float]
    val_loss: float
    val_accuracy: float
    val_score: float  # of the criterion, higher is better


@dataclass(frozen=True)
class Fit:
    """The result of a training: the curve and the best epoch's state."""

    curve: list[Epoch]
    best_epoch: int
    state: dict[str, Tensor]
    images_per_s: float
    data_wait: float  # share of the training time, 0..1, spent waiting for the next batch
    candidates: Sequence[Candidate] = ()  # of a fit that searches by itself: see `probes`

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
    checkpoints: Checkpoints | None = None,
) -> Fit:
    """Train the parameters of `module` that require a gradient, inputs -> logits (b, classes).

    `on_epoch` gets the curve so far; an exception from it ends the training. Training also ends,
    with the curve so far, when a loss is not finite or `patience` is exhausted. `criterion` decides
    which epoch is kept. `checkpoints`: the training continues from the one that is found there, and
    `on_epoch` gets the curve up to each of its epochs first.
    """
    core = _unwrapped(module)
    training = _Training(module, rows, setting)
    curve: list[Epoch] = []
    best = _Best(copy.deepcopy(core.state_dict()))
    if checkpoints and (kept := checkpoints.find()):
        curve = training.restore(kept, best)
        for epoch in range(1, len(curve) + 1):
            on_epoch(curve[:epoch])
    while len(curve) < setting.epochs and not _has_ended(curve, best, setting.of("patience")):
        started = time.perf_counter()
        loss, accuracy = training.epoch(len(curve))
        with training.validated():
            val_loss, val_accuracy, val_score = evaluate(core, validation, criterion)
            curve.append(
                Epoch(
                    epoch=len(curve) + 1,
                    train_loss=loss,
                    train_accuracy=accuracy,
                    val_loss=val_loss,
                    val_accuracy=val_accuracy,
                    val_score=val_score,
                    lr=training.schedule.lr,
                    steps=training.batches.steps,
                    passes=training.batches.rows / len(rows),
                    epoch_s=time.perf_counter() - started,
                )
            )
            best.offer(curve[-1], core)
        on_epoch(curve)
        if checkpoints:
            checkpoints.offer(partial(training.checkpoint, curve, best))
    seconds = training.seconds
    images_per_s, data_wait = training.batches.rows / seconds, training.batches.waited_s / seconds
    return Fit(curve, best.epoch, best.state, images_per_s, data_wait)


class _Best:
    """The epoch that validation prefers, and its state; the first one while none is finite."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self.epoch, self.state = 1, state
        self.rank = rank(-math.inf, math.inf)

    def offer(self, epoch: Epoch, module: nn.Module) -> None:
        own = rank(epoch.val_score, epoch.val_loss)
        if epoch.is_finite and own > self.rank:
            self.epoch, self.rank = epoch.epoch, own
            self.state = copy.deepcopy(module.state_dict())


def _has_ended(curve: Sequence[Epoch], best: _Best, patience: int) -> bool:
    if not curve:
        return False
    return not curve[-1].is_finite or 0 < patience <= len(curve) - best.epoch


class _Training:
    """The steps of a training, epoch by epoch."""

    def __init__(self, module: nn.Module, rows: Rows, setting: Setting) -> None:
        self.module, self.setting = module, setting
        self.rows = rows = sampled(rows, setting.of("sampling"))
        core, values = _unwrapped(module), setting.hyperparameters
        self.optimiser = build_optimiser(core, values)
        self.schedule = Schedule(self.optimiser, values, setting.total_steps(len(rows)))
        self.loss = build_loss(values, setting.class_counts)
        self.mixup = Mixup(alpha, setting.seed) if (alpha := setting.of("mixup")) else None
        self.average = WeightAverage(core, decay) if (decay := setting.of("ema")) else None
        recomputes = setting.batchnorm_statistics == "training_rows"
        self.statistics = BatchNormStatistics(core) if recomputes else None
        self.batches = Batches(
            rows, setting.batch_size, setting.seed, setting.epoch_steps(len(rows))
        )
        self.seconds = 0.0
        self._trained = [one for one in core.parameters() if one.requires_grad]
        self._every = max(1, round(len(rows) / (setting.epoch_rows or len(rows))))

    def epoch(self, number: int) -> tuple[float, float]:
        """Mean loss and accuracy of the epoch, over all ranks."""
        started = time.perf_counter()
        sample = self.rows.sample(self._every, number) if self.statistics else None
        result = self._steps(None if sample else self.statistics)
        if self.statistics and sample:
            with self.validated():
                self.statistics.recompute(sample)
        self.seconds += time.perf_counter() - started
        return result

    def validated(self) -> AbstractContextManager[None]:
        """Within it the module has the weights that are validated: the averaged ones, if any."""
        return self.average.in_place() if self.average else nullcontext()

    def checkpoint(self, curve: Sequence[Epoch], best: _Best) -> Checkpoint:
        """The state after the curve's last epoch."""
        tensors = {
            "module": _unwrapped(self.module).state_dict(),
            "best": best.state,
            "optimiser": optimiser_tensors(self.optimiser),
            "average": self.average.tensors if self.average else {},
            "random": random_states(self._trained[0].device),
            "order": {"generator": self.batches.place},
        }
        values = {
            "curve": [asdict(epoch) for epoch in curve],
            "best": [best.epoch, *best.rank],
            "steps": self.schedule.steps,
            "lr": self.schedule.lr,
            "averaged": self.average.steps if self.average else 0,
            "mixup": self.mixup.generator.bit_generator.state if self.mixup else None,
            "batches": self.batches.counts,
            "seconds": self.seconds,
        }
        return Checkpoint.of(tensors, values)

    def restore(self, kept: Checkpoint, best: _Best) -> list[Epoch]:
        """Continue from a state; returns its curve."""
        values = kept.values
        _unwrapped(self.module).load_state_dict(kept.group("module"))
        (best.epoch, *order), best.state = values["best"], kept.group("best")
        best.rank = (order[0], order[1])
        restore_optimiser(self.optimiser, kept.group("optimiser"))
        self.schedule.steps, self.schedule.lr = values["steps"], values["lr"]
        if self.average:
            self.average.restore(kept.group("average"), values["averaged"])
        if self.mixup:
            self.mixup.generator.bit_generator.state = values["mixup"]
        self.batches.restore(kept.group("order")["generator"], values["batches"])
        self.seconds = values["seconds"]
        restore_random_states(kept.group("random"), self._trained[0].device)
        return [Epoch(**epoch) for epoch in values["curve"]]

    def _steps(self, statistics: BatchNormStatistics | None) -> tuple[float, float]:
        self.module.train()
        totals = torch.zeros(3, dtype=torch.float64, device=self._trained[0].device)
        with statistics.collected() if statistics else nullcontext() as add_batch:
            for batch in self.batches.epoch():
                totals += self._step(batch)
                if add_batch:
                    add_batch(batch.global_size)
        return _means(totals)

    def _step(self, batch: Batch) -> Tensor:
        """One step of the optimiser; the batch's `_counts` on this rank."""
        inputs, targets = batch.inputs, [(batch.labels, 1.0)]
        if self.mixup:
            inputs, targets = self.mixup(inputs, batch.labels)
        self.schedule.advance()
        logits = self.module(inputs).float()
        loss = sum(
            (self.loss(logits, labels) * share for labels, share in targets), logits.new_zeros(())
        )
        self.optimiser.zero_grad(set_to_none=True)
        # DDP averages over ranks: this scale gives the gradient of the global batch's mean.
        (loss * (rank_and_world()[1] / batch.global_size)).backward()
        if norm := self.setting.of("clip_norm"):
            nn.utils.clip_grad_norm_(self._trained, norm)  # the same on every rank
        self.optimiser.step()
        if self.average:
            self.average.update()
        return _counts(loss.detach(), logits.detach(), batch.labels)


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
