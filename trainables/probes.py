"""What the probes have in common: they fit once on cached features, without epochs.

    fit = probe_fit(module, candidates, ...)      # `linear`, `nearest`

A probe searches a small grid of its own on the validation rows. Every candidate is kept in the
trial's record; the one that the run's metric prefers is the trial's network.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from trainables.criterion import Criterion, rank
from trainables.loop import Candidate, Epoch, Fit
from trainables.rows import IndexedRows


@dataclass(frozen=True)
class Features:
    """Pooled features (n, C) float32 of some rows, and their labels (n,) int64."""

    values: Tensor
    labels: Tensor

    @classmethod
    def of(cls, rows: IndexedRows) -> Features:
        return cls(rows.inputs(torch.arange(len(rows), device=rows.labels.device)), rows.labels)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Searched:
    """The end of a probe's search: its module with the chosen setting, and all that were tried."""

    module: nn.Module
    candidates: Sequence[Candidate]
    steps: int  # of the solver, over all candidates
    rows: int  # that were computed with, each as often as it was
    train: tuple[float, float]  # loss and accuracy on training rows


def fit_probe(
    search: Callable[[Features, Features], Searched],
    rows: IndexedRows,
    validation: IndexedRows,
    prefix: str,
) -> Fit:
    """Run a probe's search as the fit of a trial, with a curve of one point.

    `prefix`: what the names of the module's tensors begin with in the trial's network.
    """
    started = time.perf_counter()
    train, val = Features.of(rows), Features.of(validation)
    found = search(train, val)
    seconds = time.perf_counter() - started
    best = chosen(found.candidates)
    point = Epoch(
        epoch=1,
        train_loss=found.train[0],
        train_accuracy=found.train[1],
        val_loss=best.val_loss,
        val_accuracy=best.val_accuracy,
        val_score=best.val_score,
        lr=None,
        steps=found.steps,
        passes=1.0,
        epoch_s=seconds,
    )
    state = {f"{prefix}{name}": value for name, value in found.module.state_dict().items()}
    return Fit([point], 1, state, found.rows / seconds, 0.0, found.candidates)


def chosen(candidates: Sequence[Candidate]) -> Candidate:
    """The candidate that validation prefers; the earlier one of equals."""
    finite = [one for one in candidates if math.isfinite(one.val_loss)]
    return max(finite or candidates, key=lambda one: rank(one.val_score, one.val_loss))


def scored(
    setting: Mapping[str, float], logits: Tensor, labels: Tensor, criterion: Criterion
) -> Candidate:
    """A candidate by its logits (n, classes) of the validation rows."""
    loss, accuracy = scores(logits, labels)

    def rows() -> tuple[np.ndarray, np.ndarray]:
        return labels.cpu().numpy(), logits.float().softmax(1).cpu().numpy()

    return Candidate(setting, loss, accuracy, criterion.score(loss, accuracy, rows))


def scores(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of logits (n, classes)."""
    loss = functional.cross_entropy(logits.double(), labels)
    return float(loss), float((logits.argmax(1) == labels).double().mean())
