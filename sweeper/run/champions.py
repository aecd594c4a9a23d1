"""Evaluate a cell's champion on the test set, once.

`Ledger.champion` (`sweeper.plan.ledger`) selects the champion. The result is the artifact
`evaluations` (predictions.parquet). It stores classes as numbers, so renaming a class invalidates
nothing.
"""

from __future__ import annotations

from torch import nn

from sweeper.plan.artifacts import evaluation
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.parts import TrialParts
from sweeper.run.predictions import PREDICTIONS, predictions_of
from sweeper.store.records import parquet_bytes
from sweeper.store.store import Store
from trainables.device import assigned_device, assigned_share, placed
from trainables.finetune import FinetuneModule
from trainables.loop import probabilities
from trainables.resident import RowMemory


def evaluate_champion(spec: TrialSpec) -> None:
    """Predict the test rows with a champion and store the predictions, unless another run on the
    same store has done so meanwhile."""
    store, device, target = Store(spec.store), assigned_device(), evaluation(spec)
    if store.find(*target.place):
        return
    parts = TrialParts(spec, store, device, RowMemory.of(device, assigned_share()))
    test = parts.part("test")
    network = placed(parts.network(parts.trained()), device)
    scores = probabilities(network, parts.rows(test)).numpy()
    with store.writing(*target.content) as folder:
        predictions = parquet_bytes(predictions_of(test, scores))
        store.write_file(f"{folder}/{PREDICTIONS}", predictions)


def champion_network(parts: TrialParts) -> nn.Module:
    """The whole trained network, pixels 0..255 (B, 3, H, W) -> logits (B, classes)."""
    module = parts.trained()
    if isinstance(module, FinetuneModule):
        module.mixed = False  # gradients of single pixels are small
    return parts.pixel_network(module)


def head_of(network: nn.Module) -> nn.Module:
    """The head of a `champion_network`: what turns pooled features into logits."""
    module = network[-1] if isinstance(network, nn.Sequential) else network
    return module.get_submodule("head")
