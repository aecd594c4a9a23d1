"""One trial: what determines it, running it in a worker, and its record in the store.

Everything a trial needs comes from the store by key, so it runs in any process on any machine. Its
artifact holds `record.json`, `predictions.parquet` (of the validation rows: only champions see the
test set) and `weights.safetensors` (the trained part only).
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from sweeper.records import parquet_bytes, read_split, write_record
from sweeper.space import Hyperparameters
from sweeper.store import Store, key_of
from trainables.activations import ActivationTable, StoredBackbone, open_table
from trainables.finetune import ActivationRows, finetune_module
from trainables.heads import HEAD_VERSION
from trainables.loop import LOOP_VERSION, Epoch, Fit, Rows, Setting, probabilities, train
from trainables.transfer import PooledRows, transfer_module

TRIAL_VERSION = 1
_GPU_SHARE = 0.6  # of the free GPU memory, for a trial's resident rows

Report = Callable[[dict[str, Any]], None]
Wrap = Callable[[nn.Module], nn.Module]


@dataclass(frozen=True)
class TrialSpec:
    """A trial, in plain values that travel as JSON. `*_key`: keys of artifacts in the store."""

    store: str
    cell: str
    draw: int
    strategy: str
    split_key: str
    table_key: str
    backbone_key: str
    backbone: str
    model_args: tuple[tuple[str, str], ...]
    classes: int
    lr: float
    batch_size: int
    hidden: tuple[int, ...]
    epochs: int
    seed: int
    pooling: str
    batchnorm: str
    start_key: str | None  # the transfer champion whose head fine-tuning starts from
    rungs: tuple[int, ...]  # epochs at which the scheduler wants to hear

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> TrialSpec:
        values = dict(fields)
        values["model_args"] = tuple((k, v) for k, v in values["model_args"])
        values["hidden"], values["rungs"] = tuple(values["hidden"]), tuple(values["rungs"])
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def hyperparameters(self) -> Hyperparameters:
        return Hyperparameters(self.lr, self.batch_size, self.hidden)

    @property
    def made_from(self) -> dict[str, Any]:
        """What determines the trial's outcome; neither its cell nor the scheduler does."""
        common = {
            "versions": [TRIAL_VERSION, LOOP_VERSION, HEAD_VERSION],
            "strategy": self.strategy,
            "split": self.split_key,
            "table": self.table_key,
            "classes": self.classes,
            "lr": self.lr,
            "batch_size": self.batch_size,
            "hidden": list(self.hidden),
            "epochs": self.epochs,
            "seed": self.seed,
        }
        if self.strategy == "transfer":
            return common
        return common | {
            "backbone": self.backbone_key,
            "pooling": self.pooling,
            "batchnorm": self.batchnorm,
            "start": self.start_key,
        }

    @property
    def key(self) -> str:
        return key_of(self.made_from)

    @property
    def identity(self) -> dict[str, Any]:
        """Its arguments of `write_record`."""
        return {"made_from": self.made_from, "cell": self.cell, "draw": self.draw}

    @property
    def training_seed(self) -> int:
        """Seeds initialisation, shuffling and dropout; derived from the trial's own identity."""
        return int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:6], "big")


def run_trial(
    spec: TrialSpec,
    report: Report,
    wrap: Wrap | None = None,
    writes: bool = True,
    workers: int = 1,
) -> None:
    """Train a trial and store it; a trial that raises is stored as failed, with its traceback.

    `report` gets results at the rungs and at the end. Where several `workers` share the trial,
    `wrap` makes the module distributed and only one of them `writes`.
    """
    started = time.perf_counter()
    store = Store(spec.store)
    try:
        outcome = _train(spec, store, report, wrap)
    except Exception:
        if not writes:
            raise
        write_record(store, **spec.identity, state="failed", curve=[], error=traceback.format_exc())
        report(_result([], failed=True))
        return
    if writes:
        _write_done(store, spec, outcome, time.perf_counter() - started, workers)
    report(_result(outcome.fit.curve))


@dataclass(frozen=True)
class _Outcome:
    fit: Fit
    validation: pd.DataFrame
    state: dict[str, Tensor]
    device: str


def _train(spec: TrialSpec, store: Store, report: Report, wrap: Wrap | None) -> _Outcome:
    device = trial_device()
    split = read_split(store, spec.split_key)
    parts = {name: split[split["part"] == name] for name in ("train", "val")}
    module = trial_module(spec, store)
    rows = {name: trial_rows(spec, store, part, device) for name, part in parts.items()}
    module = module.to(device)
    fit = train(
        wrap(module) if wrap else module,
        rows["train"],
        rows["val"],
        Setting(spec.lr, spec.batch_size, spec.epochs, spec.training_seed),
        on_epoch=lambda curve: _tell(spec, curve, report),
    )
    if not fit.curve[-1].is_finite:
        raise FloatingPointError(f"loss not finite in epoch {len(fit.curve)}")
    module.load_state_dict(fit.state)
    validation = _predictions(parts["val"], probabilities(module, rows["val"]).numpy())
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return _Outcome(fit, validation, _named(spec, fit.state), name)


def _tell(spec: TrialSpec, curve: Sequence[Epoch], report: Report) -> None:
    if len(curve) in spec.rungs or not curve[-1].is_finite:
        report(_result(curve))


def _result(curve: Sequence[Epoch], failed: bool = False) -> dict[str, Any]:
    return {
        "epoch": len(curve),
        "best_val_accuracy": max((epoch.val_accuracy for epoch in curve), default=0.0),
        "finite": all(epoch.is_finite for epoch in curve),
        "failed": failed,
        "curve": [asdict(epoch) for epoch in curve],
    }


def trial_device() -> torch.device:
    """The device of this process: the GPU that Ray gave it, else one CPU thread."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    torch.set_num_threads(1)
    return torch.device("cpu")


def trial_module(spec: TrialSpec, store: Store) -> nn.Module:
    """The trial's trainable module as it starts, on the CPU."""
    if spec.strategy == "transfer":
        dim = trial_table(spec, store).shape[0]
        return transfer_module(dim, spec.hidden, spec.classes, spec.training_seed)
    head_state = None
    if spec.start_key:
        head_state = _part(trial_weights(store, spec.start_key), "head.")
    return finetune_module(
        stored_backbone(spec, store).load(),
        spec.pooling,
        spec.hidden,
        spec.classes,
        batchnorm=spec.batchnorm,
        seed=spec.training_seed,
        head_state=head_state,
    )


def trial_table(spec: TrialSpec, store: Store) -> ActivationTable:
    """The activation table the trial's rows are in."""
    kind = "pooled" if spec.strategy == "transfer" else "prefix"
    return open_table(store.get(kind, spec.table_key).folder, store.filesystem)


def trial_rows(spec: TrialSpec, store: Store, part: pd.DataFrame, device: torch.device) -> Rows:
    """Rows of the split as the trial's module takes them."""
    table = trial_table(spec, store)
    numbers, labels = table.find(part), part["label"].to_numpy(dtype=np.int64, copy=True)
    if spec.strategy == "transfer":
        return PooledRows(table, numbers, labels, device)
    budget = 0
    if device.type == "cuda":
        budget = int(torch.cuda.mem_get_info(device)[0] * _GPU_SHARE)
    return ActivationRows(table, numbers, labels, device, budget)


def stored_backbone(spec: TrialSpec, store: Store) -> StoredBackbone:
    folder = store.get("backbones", spec.backbone_key).folder
    return StoredBackbone(spec.backbone, spec.model_args, folder, store.filesystem)


def trial_weights(store: Store, key: str) -> dict[str, Tensor]:
    """A finished trial's trained weights: `head.*` and, after fine-tuning, `suffix.*`."""
    folder = store.get("trials", key).folder
    weights: dict[str, Tensor] = load(store.read_file(f"{folder}/weights.safetensors"))
    return weights


def _named(spec: TrialSpec, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    prefix = "head." if spec.strategy == "transfer" else ""
    return {f"{prefix}{name}": value.cpu().contiguous() for name, value in state.items()}


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def load_trained(module: nn.Module, spec: TrialSpec, weights: Mapping[str, Tensor]) -> None:
    """Put a finished trial's weights into its module."""
    module.load_state_dict(_part(weights, "head.") if spec.strategy == "transfer" else weights)


def _predictions(rows: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    return rows[["image_id", "copy", "label"]].assign(
        predicted=scores.argmax(1), probabilities=list(scores.astype(np.float32))
    )


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
        device=outcome.device,
        workers=workers,
        files={
            "predictions.parquet": parquet_bytes(outcome.validation),
            "weights.safetensors": save(outcome.state),
        },
    )
