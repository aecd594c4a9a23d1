"""Evaluate a cell's champion on the test set, once, and explain it.

`Ledger.champion` (`sweeper.plan.ledger`) selects the champion. Both results are artifacts:
`evaluations` (predictions.parquet) and `explanations` (attributions.parquet). They store classes as
numbers, so renaming a class invalidates nothing.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from datasets.shards import read_images
from sweeper.plan.artifacts import ExplanationSettings, evaluation, explanation
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.parts import TrialParts
from sweeper.run.predictions import PREDICTIONS, predictions_of, read_predictions
from sweeper.store.records import parquet_bytes
from sweeper.store.store import Store
from trainables.device import assigned_device
from trainables.explain import Probabilities, attribute
from trainables.finetune import FinetuneModule
from trainables.loop import probabilities

_WEBP_QUALITY = 80


def evaluate_champion(spec: TrialSpec) -> None:
    """Predict the test rows with a champion and store the predictions, unless another run on the
    same store has done so meanwhile."""
    store, device, target = Store(spec.store), assigned_device(), evaluation(spec)
    if store.find(*target.place):
        return
    parts = TrialParts(spec, store)
    test = parts.part("test")
    network = parts.network(parts.trained()).to(device)
    scores = probabilities(network, parts.rows(test, device)).numpy()
    with store.writing(*target.content) as folder:
        predictions = parquet_bytes(predictions_of(test, scores))
        store.write_file(f"{folder}/{PREDICTIONS}", predictions)


def explain_champion(spec: TrialSpec, settings: ExplanationSettings) -> None:
    """Compute and store Integrated Gradients of a champion's examples for the predicted class,
    unless another run on the same store has done so meanwhile."""
    store, device, target = Store(spec.store), assigned_device(), explanation(spec, settings)
    if store.find(*target.place):
        return
    parts = TrialParts(spec, store)
    predictions = read_predictions(store, spec)
    examples = choose_examples(predictions, settings.examples, settings.per_class_of(spec))
    wanted = list(zip(examples["image_id"], examples["copy"], strict=True))
    images = read_images(parts.shards, store.filesystem, wanted)
    network = champion_network(parts).to(device)
    rows = [
        row
        for example, image in zip(_records(examples), images, strict=True)
        for row in _attributions(network, example, image, settings, device)
    ]
    with store.writing(*target.content) as folder:
        frame = pd.DataFrame(rows)
        store.write_file(f"{folder}/attributions.parquet", parquet_bytes(frame))


def choose_examples(predictions: pd.DataFrame, count: int, per_class: int = 0) -> pd.DataFrame:
    """Up to `count` test rows: half misclassified, then correct ones, most confident first, no
    class twice while another has one left. Then up to `per_class` correct and `per_class`
    misclassified rows of each class, most confident first, without those already chosen."""
    sure = predictions.assign(confidence=predictions["probabilities"].map(max))
    sure = sure.sort_values(["confidence", "image_id", "copy"], ascending=[False, True, True])
    right = sure["label"] == sure["predicted"]
    wrong = _spread(sure[~right])[: count // 2]
    chosen = wrong + _spread(sure[right])[: count - len(wrong)]
    rest = [i for i in _spread(sure[~right]) if i not in chosen]
    chosen += rest[: count - len(chosen)]
    of_class = sure.groupby([right, "label"]).head(per_class).index
    return sure.loc[chosen + [i for i in of_class if i not in chosen]]


def _spread(rows: pd.DataFrame) -> list[Any]:
    """The index of the rows in turn: one of each class before a second of any."""
    turn = rows.groupby("label").cumcount()
    return list(rows.assign(turn=turn).sort_values("turn", kind="stable").index)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def champion_network(parts: TrialParts) -> torch.nn.Module:
    """The whole trained network, pixels 0..255 (B, 3, H, W) -> class probabilities."""
    module = parts.trained()
    if isinstance(module, FinetuneModule):
        module.mixed = False  # gradients of single pixels are small
    return Probabilities(parts.pixel_network(module))


def _attributions(
    network: torch.nn.Module,
    example: dict[str, Any],
    image: np.ndarray,
    settings: ExplanationSettings,
    device: torch.device,
) -> Iterator[dict[str, Any]]:
    name = f"{example['image_id']}{example['copy']}"
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big")
    for baseline in settings.baselines:
        attribution = attribute(
            network,
            image,
            int(example["predicted"]),
            baseline=baseline,
            n_steps=settings.n_steps,
            random_baselines=settings.random_baselines,
            seed=seed,
            device=device,
        )
        yield {
            **{name: example[name] for name in ("image_id", "copy", "label", "predicted")},
            "target": example["predicted"],
            "probability": float(max(example["probabilities"])),
            "baseline": baseline,
            "n_steps": settings.n_steps,
            "delta": attribution.delta,
            "height": image.shape[0],
            "width": image.shape[1],
            "map": attribution.map.astype(np.float16).ravel(),
            "image": _webp(image),
        }


def _webp(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=_WEBP_QUALITY)
    return buffer.getvalue()
