"""Predict a champion's test images under every corruption, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch

from datasets.corruptions import corrupted, every_corruption
from datasets.shards import read_images
from reports.derived.robustness import CLEAN
from sweeper.plan.artifacts import robustness
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.champion_tables import CORRUPTED
from sweeper.run.champions import champion_network
from sweeper.run.parts import TrialParts
from sweeper.run.predictions import predictions_of
from sweeper.store.records import parquet_bytes
from sweeper.store.store import Store
from trainables.device import assigned_device, placed
from trainables.explain import Score
from trainables.extractor import images_at_once


def corrupt_champion(spec: TrialSpec, corruptions: Sequence[str]) -> None:
    """Predict the distinct test images, each as it is and under every corruption, and store the
    predictions, unless another run on the same store has done so meanwhile.

    An image is predicted without its augmented copies, even where a split tests copies.
    """
    store, device, target = Store(spec.store), assigned_device(), robustness(spec, corruptions)
    if store.find(*target.place):
        return
    parts = TrialParts(spec, store)
    test = parts.part("test").drop_duplicates("image_id").assign(copy=0)
    network = placed(Score(champion_network(parts), "probability"), device)
    wanted = [(image_id, 0) for image_id in test["image_id"]]
    images = read_images(parts.shards, store.filesystem, wanted)
    frames = [
        _predicted(network, test, pixels, device).assign(corruption=name, severity=severity)
        for name, severity, pixels in _versions(images, list(test["image_id"]), corruptions)
    ]
    with store.writing(*target.content) as folder:
        rows = pd.concat(frames, ignore_index=True).drop(columns="copy")
        store.write_file(f"{folder}/{CORRUPTED}", parquet_bytes(rows))


def _versions(
    images: np.ndarray, ids: Sequence[str], corruptions: Sequence[str]
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Corruption, severity and pixels (n, N, N, 3) uint8; first the images as they are."""
    yield CLEAN, "", images
    for name, severity in every_corruption(corruptions):
        pairs = zip(images, ids, strict=True)
        changed = [corrupted(image, image_id, name, severity) for image, image_id in pairs]
        yield name, severity, np.stack(changed)


@torch.no_grad()
def _predicted(
    network: torch.nn.Module, test: pd.DataFrame, images: np.ndarray, device: torch.device
) -> pd.DataFrame:
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    scores = [
        network(part.to(device).float()).cpu() for part in pixels.split(images_at_once(device))
    ]
    return predictions_of(test, torch.cat(scores).numpy())
