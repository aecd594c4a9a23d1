"""One trial: running it in a worker, and its record in the store.

Everything a trial needs comes from the store by key, so it runs in any process on any machine. Its
artifact holds `record.json`, `predictions.parquet` (of the validation rows: only champions see the
test set) and `weights.safetensors` (the trained part only).
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save
from torch import Tensor, nn

from datasets.shards import image_size_of
from sweeper.errors import StoreError
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.criteria import criterion_of
from sweeper.run.kept_states import KeptStates, discard_states
from sweeper.run.parts import TrialParts
from sweeper.run.predictions import PREDICTIONS, predictions_of
from sweeper.store.records import done_record, parquet_bytes, write_record
from sweeper.store.refusals import refusal
from sweeper.store.store import Store
from trainables.device import (
    Arithmetic,
    assigned_device,
    assigned_share,
    placed,
    release_memory,
)
from trainables.loop import Epoch, Fit, probabilities
from trainables.online import OnlineAugmentation
from trainables.resident import RowMemory
from trainables.rows import Rows
from trainables.sampling import balanced_order
from trainables.stream import StreamRows, pixel_dataset

if TYPE_CHECKING:
    from ray.data import DataIterator, Dataset

_REPORT_S = 1.0  # between two reports of a trial whose epochs are shorter

Report = Callable[[dict[str, Any]], None]
Wrap = Callable[[nn.Module], nn.Module]


def run_trial(
    spec: TrialSpec,
    report: Report,
    wrap: Wrap | None = None,
    writes: bool = True,
    workers: int = 1,
    stream: DataIterator | None = None,
    every_epoch: bool = False,
    checkpoint_s: float | None = None,
) -> None:
    """Train a trial and store it; if it raises, it is stored as failed, with its traceback.

    `report` gets the curve so far at the rungs, after each other epoch that ends `_REPORT_S` after
    the last report (with `every_epoch`, after each), and at the end. Where several `workers` share
    the trial, they must all ask for `every_epoch`; `wrap` makes the module distributed and only one
    of them `writes`. `stream`: this worker's share of an end-to-end trial's `training_dataset`.

    A trial that is already done, by a process that died before reporting it or by another run on
    this store, is not trained again. Running out of memory is raised, so that the caller can retry.
    If workers share a trial, every error is raised, because it must end the others too. A GPU's
    memory is given back at the end, because the process may be kept for another trial.

    `checkpoint_s`: its state is kept in the store after the first epoch that ends so many seconds
    after the last time, and a trial that finds one continues it. None: never. A trial of several
    workers begins again.
    """
    try:
        _run(spec, report, wrap, writes, workers, stream, every_epoch, checkpoint_s)
    finally:
        release_memory()


def _run(
    spec: TrialSpec,
    report: Report,
    wrap: Wrap | None,
    writes: bool,
    workers: int,
    stream: DataIterator | None,
    every_epoch: bool,
    checkpoint_s: float | None,
) -> None:
    started = time.perf_counter()
    store = Store(spec.store)
    if workers == 1 and report_if_done(spec, report):
        return
    try:
        outcome = _train(spec, store, report, wrap, stream, every_epoch, checkpoint_s)
    except Exception as error:
        if reason := refusal(error):  # no fault of the trial
            raise StoreError(f"trial {spec.key}: {reason}") from None
        if workers > 1 or not writes or _is_out_of_memory(error):
            raise
        write_record(store, **spec.identity, state="failed", curve=[], error=traceback.format_exc())
        discard_states(store, spec)
        report(_result([], failed=True))
        return
    if writes:
        wall_s = outcome.earlier_s + time.perf_counter() - started
        _write_done(store, spec, outcome, wall_s, workers)
        discard_states(store, spec)
    report(_result([asdict(epoch) for epoch in outcome.fit.curve]))


def report_if_done(spec: TrialSpec, report: Report) -> bool:
    """Report the result of a trial if the store has it by now; returns whether it does."""
    record = done_record(Store(spec.store), spec.key)
    if record is not None:
        report(_result(record["curve"]))
    return record is not None


def _is_out_of_memory(error: Exception) -> bool:
    """On a CPU, torch raises its allocator's RuntimeError instead of MemoryError."""
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return known or "can't allocate memory" in str(error)


def training_dataset(spec: TrialSpec, workers: int) -> Dataset:
    """The pixels that an end-to-end trial trains on."""
    parts = TrialParts(spec, Store(spec.store))
    return pixel_dataset(
        parts.shards,
        parts.store.filesystem,
        _sent(parts),
        seed=spec.training_seed,
        workers=workers,
    )


def _sent(parts: TrialParts) -> pd.DataFrame:
    """The rows of a pass of an end-to-end trial; balanced sampling repeats the same ones in every
    pass."""
    part = parts.part("train")
    if parts.spec.drawn("sampling") != "balanced":
        return part
    generator = torch.Generator().manual_seed(parts.spec.training_seed)
    labels = torch.from_numpy(part["label"].to_numpy(dtype=np.int64, copy=True))
    return part.iloc[balanced_order(labels, generator).numpy()]


@dataclass(frozen=True)
class _Outcome:
    fit: Fit
    validation: pd.DataFrame
    weights: dict[str, Tensor]
    device: str
    arithmetic: Arithmetic
    earlier_s: float = 0.0  # of the processes that had the trial before


def _train(
    spec: TrialSpec,
    store: Store,
    report: Report,
    wrap: Wrap | None,
    stream: DataIterator | None,
    every_epoch: bool,
    checkpoint_s: float | None,
) -> _Outcome:
    """Train on the device that Ray assigned; if its memory is exhausted while rows of the trial are
    in it, once more with the rows elsewhere. Workers that share a trial would wait for one that
    begins again."""
    device = assigned_device()
    memory = RowMemory.of(device, assigned_share())
    kept = None
    if checkpoint_s is not None and spec.entry.by_epochs and not wrap:
        kept = KeptStates(store, spec, device.type, checkpoint_s)

    def train(room: RowMemory | None) -> _Outcome:
        parts = TrialParts(spec, store, device, room, kept)
        outcome = _train_with(parts, report, wrap, stream, every_epoch)
        return replace(outcome, earlier_s=kept.earlier_s if kept else 0.0)

    try:
        return train(memory)
    except torch.OutOfMemoryError:
        if wrap or not memory.taken_bytes:
            raise
    release_memory()  # beyond the block, which holds on to what the error refers to
    return train(None)


def _train_with(
    parts: TrialParts,
    report: Report,
    wrap: Wrap | None,
    stream: DataIterator | None,
    every_epoch: bool,
) -> _Outcome:
    spec, device = parts.spec, parts.device
    module = parts.module()
    network = placed(parts.network(module), device)
    part = parts.part("val")
    validation = parts.rows(part)
    fit = spec.entry.fit(
        parts,
        wrap(network) if wrap else network,
        _training_rows(parts, stream),
        validation,
        on_epoch=_Reports(spec, report, every_epoch),
        criterion=criterion_of(spec.metric),
    )
    if not fit.curve[-1].is_finite:
        raise FloatingPointError(f"loss not finite in epoch {len(fit.curve)}")
    network.load_state_dict(fit.state)
    predictions = predictions_of(part, probabilities(network, validation).numpy())
    device_name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    weights = {name: value.cpu().contiguous() for name, value in module.state_dict().items()}
    arithmetic = Arithmetic.of(spec.entry.precision(spec, device), device)
    return _Outcome(fit, predictions, weights, device_name, arithmetic)


def _training_rows(parts: TrialParts, stream: DataIterator | None) -> Rows:
    spec, part = parts.spec, parts.part("train")
    if not spec.is_end_to_end:
        return parts.rows(part)
    size = image_size_of(parts.shards, parts.store.filesystem)
    augment = OnlineAugmentation(spec.training_seed, spec.augmentation) if spec.online else None
    stream = stream or training_dataset(spec, workers=1).iterator()
    return StreamRows(stream, len(part), size, parts.device, augment, sent=len(_sent(parts)))


class _Reports:
    """Reports a curve after its epochs, but not after each of those that take milliseconds: the
    driver answers every report."""

    def __init__(self, spec: TrialSpec, report: Report, every_epoch: bool) -> None:
        self._rungs, self._report = frozenset(spec.rungs), report
        self._pause_s = 0.0 if every_epoch else _REPORT_S
        self._reported = time.perf_counter()

    def __call__(self, curve: Sequence[Epoch]) -> None:
        is_due = time.perf_counter() - self._reported >= self._pause_s
        if is_due or len(curve) in self._rungs or not curve[-1].is_finite:
            self._report(_result([asdict(epoch) for epoch in curve]))
            self._reported = time.perf_counter()


def _result(curve: Sequence[dict[str, Any]], failed: bool = False) -> dict[str, Any]:
    return {
        "epoch": len(curve),
        "best_val_score": max((row["val_score"] for row in curve), default=0.0),
        "finite": all(Epoch(**row).is_finite for row in curve),
        "failed": failed,
        "curve": list(curve),
    }


def _write_done(
    store: Store, spec: TrialSpec, outcome: _Outcome, wall_s: float, workers: int
) -> None:
    write_record(
        store,
        **spec.identity,
        state="done",
        curve=[asdict(epoch) for epoch in outcome.fit.curve],
        wall_s=wall_s,
        best_epoch=outcome.fit.best_epoch,
        images_per_s=outcome.fit.images_per_s,
        data_wait=outcome.fit.data_wait,
        candidates=[asdict(one) for one in outcome.fit.candidates],
        device=outcome.device,
        arithmetic=asdict(outcome.arithmetic),
        workers=workers,
        files={
            PREDICTIONS: parquet_bytes(outcome.validation),
            "weights.safetensors": save(outcome.weights),
        },
    )
