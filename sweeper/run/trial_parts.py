"""What a trial is built of, fetched from the store by the keys in its spec."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load
from torch import Tensor, nn

from datasets.shards import read_images
from sweeper.plan.trial_spec import TrialSpec
from sweeper.store.store import Store
from trainables.activations import ActivationTable, open_table
from trainables.finetune import (
    ActivationRows,
    PixelRows,
    feature_dim,
    finetune_module,
    with_backbone,
    with_prefix,
)
from trainables.rows import IndexedRows
from trainables.stored_backbone import StoredBackbone
from trainables.transfer import PooledRows, transfer_module

_GPU_SHARE = 0.6  # of the free GPU memory, for a trial's resident rows


def trial_device() -> torch.device:
    """The device of this process: the GPU that Ray gave it, else one CPU thread."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    torch.set_num_threads(1)
    return torch.device("cpu")


def trial_module(spec: TrialSpec, store: Store) -> nn.Module:
    """What the trial trains, as it starts, on the CPU: a head, or a `FinetuneModule`."""
    if spec.strategy == "transfer":
        return transfer_module(
            _feature_dim(spec, store), spec.hidden, spec.classes, spec.training_seed
        )
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
        depth=spec.depth,
        mixed=_is_mixed(spec.precision),
    )


def trial_network(spec: TrialSpec, store: Store, module: nn.Module) -> nn.Module:
    """`module` with what lies between it and the trial's rows: nothing where they are cached."""
    return pixel_network(spec, store, module) if spec.is_end_to_end else module


def pixel_network(spec: TrialSpec, store: Store, module: nn.Module) -> nn.Module:
    """`module` as the whole network, pixels (B, 3, H, W) 0..255 -> logits (B, classes)."""
    if spec.strategy == "finetune" and spec.depth == "all":
        return module
    backbone = stored_backbone(spec, store).load()
    if spec.strategy == "transfer":
        return with_backbone(backbone, spec.pooling, module)
    return with_prefix(backbone, module)


def trial_rows(
    spec: TrialSpec, store: Store, part: pd.DataFrame, device: torch.device
) -> IndexedRows:
    """Rows of the split as the trial's network takes them."""
    labels = part["label"].to_numpy(dtype=np.int64, copy=True)
    if spec.is_end_to_end:
        shards = store.get("shards", spec.table_key).folder
        wanted = list(zip(part["image_id"], part["copy"], strict=True))
        return PixelRows(read_images(shards, store.filesystem, wanted), labels, device)
    table = trial_table(spec, store)
    numbers = table.find(part)
    if spec.strategy == "transfer":
        return PooledRows(table, numbers, labels, device)
    budget = 0
    if device.type == "cuda":
        budget = int(torch.cuda.mem_get_info(device)[0] * _GPU_SHARE)
    return ActivationRows(table, numbers, labels, device, budget)


def trial_table(spec: TrialSpec, store: Store) -> ActivationTable:
    """The activation table that the rows of a cached trial are in."""
    artifact = store.get(spec.source, spec.table_key)
    check = partial(store.check_copy, artifact)
    return open_table(artifact.folder, store.filesystem, check)


def stored_backbone(spec: TrialSpec, store: Store) -> StoredBackbone:
    folder = store.get("backbones", spec.backbone_key).folder
    return StoredBackbone(spec.backbone, spec.model_args, folder, store.filesystem)


def trial_weights(store: Store, key: str) -> dict[str, Tensor]:
    """A finished trial's trained weights: `head.*` and, after fine-tuning, `suffix.*`."""
    weights: dict[str, Tensor] = load(store.read(store.get("trials", key), "weights.safetensors"))
    return weights


def named_weights(spec: TrialSpec, module: nn.Module) -> dict[str, Tensor]:
    """The module's weights as `trial_weights` finds them."""
    prefix = "head." if spec.strategy == "transfer" else ""
    state = module.state_dict()
    return {f"{prefix}{name}": value.cpu().contiguous() for name, value in state.items()}


def load_trained(module: nn.Module, spec: TrialSpec, weights: Mapping[str, Tensor]) -> None:
    """Put a finished trial's weights into its module."""
    module.load_state_dict(_part(weights, "head.") if spec.strategy == "transfer" else weights)


def _feature_dim(spec: TrialSpec, store: Store) -> int:
    if spec.is_end_to_end:
        return feature_dim(stored_backbone(spec, store).load())
    return int(trial_table(spec, store).shape[0])


def _is_mixed(precision: str) -> bool:
    """`auto`: where the GPU computes in it."""
    if precision == "auto":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return precision == "bfloat16"


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
