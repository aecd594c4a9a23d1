"""Detect images unlike the training images, by their features.

The distance of an image is that to the nearest training image, in pooled features of the frozen
backbone, each in standard deviations of the training images (root mean square over the features).
An image is far if 95 % of the training images are closer to another one outside their own group.
The share of test images flagged in this way shows how informative a flag is. Features normalised to
length 1 (Sun et al., ICML 2022) did as well with trained backbones, but missed noise with random
ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd
import torch
from torch import nn

from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.parts import TrialParts
from sweeper.store.records import read_split
from sweeper.store.store import Store
from sweeper.use.chosen import ChosenCell
from sweeper.use.finished import FinishedRun
from sweeper.use.run_artifacts import images_of_run, pooled_of
from trainables.activations import ActivationTable
from trainables.device import CPU
from trainables.finetune import with_backbone

MAX_TRAINING_IMAGES = 20_000  # compared with; larger sets are sampled
_QUANTILE = 0.95
_MIN_DEVIATION = 0.01  # relative to the mean deviation
_BLOCK = 1024  # rows compared at once


@dataclass(frozen=True)
class Threshold:
    """The `distance` beyond which an image is flagged as unlike the training images.

    `flagged` of the `tested` test images are beyond it.
    """

    distance: float
    flagged: int
    tested: int

    def __str__(self) -> str:
        rate = f" ({100 * self.flagged / self.tested:.0f} %)" if self.tested else ""
        verb = "is" if self.flagged == 1 else "are"
        return (
            f"{100 * _QUANTILE:.0f} % of the training images are within {self.distance:.2f} of "
            f"another; {self.flagged} of {self.tested} test images{rate} {verb} flagged likewise"
        )


@dataclass(frozen=True)
class Scale:
    """Scales features (n, C) to standard deviations of the training images, over sqrt(C)."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, training: np.ndarray) -> Scale:
        deviation = training.std(axis=0)
        floor = _MIN_DEVIATION * float(deviation.mean())  # for constant features
        return cls(training.mean(axis=0), np.maximum(deviation, max(floor, 1e-12)))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        scaled = (features - self.mean) / self.deviation / np.sqrt(features.shape[1])
        return np.asarray(scaled, np.float32)


@dataclass(frozen=True)
class Reference:
    """What distances are measured against: the `training` features (n, C), scaled by `scale`."""

    scale: Scale
    training: np.ndarray

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Distances (n,) of unscaled features (n, C)."""
        no_group = np.full(len(features), -1)
        groups = np.zeros(len(self.training), np.int64)
        return nearest(self.scale(features), no_group, self.training, groups)


class Novelty:
    """Feature distances to the training images of a cell."""

    def __init__(
        self,
        reference: Reference,
        threshold: Threshold,
        spec: TrialSpec,
        store: Store,
        tested: Mapping[str, float],
    ) -> None:
        """`tested`: the distance of each test image, by image_id."""
        self.reference, self.threshold, self.tested = reference, threshold, tested
        self._spec, self._store = spec, store

    @classmethod
    def of(
        cls,
        run: FinishedRun,
        chosen: ChosenCell,
        store: Store,
        most: int = MAX_TRAINING_IMAGES,
    ) -> Novelty | None:
        """Load the training features of a cell; of more than `most` images, a sample.

        None if the store has no pooled features of the cell's images, or if the training images are
        fewer than two groups.
        """
        spec, artifact = chosen.spec, pooled_of(chosen.spec, store)
        if artifact is None:
            return None
        check = partial(store.check_copy, artifact)
        table = ActivationTable(artifact.folder, store.filesystem, check)
        images = images_of_run(run)
        group = dict(zip(images["image_id"], images["group"], strict=True))
        split = read_split(store, spec.split_key)
        train, test = (
            _sampled(sorted(set(split.loc[split["part"] == part, "image_id"]) & set(group)), most)
            for part in ("train", "test")
        )
        groups = np.unique([group[image_id] for image_id in [*train, *test]], return_inverse=True)[
            1
        ]
        train_groups, test_groups = groups[: len(train)], groups[len(train) :]
        if len(np.unique(train_groups)) < 2:
            return None
        unscaled = _features(table, train)
        scale = Scale.of(unscaled)
        features = scale(unscaled)
        within = nearest(features, train_groups, features, train_groups)
        limit = float(np.quantile(within[np.isfinite(within)], _QUANTILE))
        tested = nearest(scale(_features(table, test)), test_groups, features, train_groups)
        threshold = Threshold(limit, int((tested > limit).sum()), len(test))
        of_images = dict(zip(test, tested.tolist(), strict=True))
        return cls(Reference(scale, features), threshold, spec, store, of_images)

    @cached_property
    def _network(self) -> nn.Module:
        """Pixels to unscaled features of the frozen backbone."""
        backbone = TrialParts(self._spec, self._store).backbone
        pooling = self._spec.settings["pooling"]
        return with_backbone(backbone, pooling, nn.Identity()).eval()

    @torch.no_grad()
    def distances(self, images: np.ndarray, device: torch.device = CPU) -> np.ndarray:
        """Distances (n,) of images (n, N, N, 3) uint8, preprocessed as in training."""
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float().to(device)
        features = self._network.to(device)(pixels)
        return self.reference.distances(features.cpu().numpy())

    def is_far(self, distance: float) -> bool:
        """Whether an image at this distance is unlike the training images."""
        return distance > self.threshold.distance


def nearest(
    queries: np.ndarray, query_group: np.ndarray, known: np.ndarray, known_group: np.ndarray
) -> np.ndarray:
    """The distance of each query (n, C) to the nearest of `known` (m, C) in another group.

    (n,), infinite if there is no other group.
    """
    found, length = np.full(len(queries), np.inf), (known**2).sum(axis=1)
    for start in range(0, len(queries), _BLOCK):
        rows = slice(start, start + _BLOCK)
        squared = (queries[rows] ** 2).sum(axis=1)[:, None] + length - 2 * (queries[rows] @ known.T)
        squared[query_group[rows, None] == known_group[None]] = np.inf
        found[rows] = np.sqrt(np.maximum(squared.min(axis=1), 0))
    return found


def _features(table: ActivationTable, image_ids: list[str]) -> np.ndarray:
    """Features (n, C) float32 of the unaugmented images."""
    rows = pd.DataFrame({"image_id": image_ids, "copy": np.zeros(len(image_ids), np.int32)})
    return table.gather(table.find(rows))


def _sampled(image_ids: list[str], most: int) -> list[str]:
    """All images, or a reproducible sample of `most`."""
    if len(image_ids) <= most:
        return image_ids
    chosen = np.random.default_rng(0).choice(len(image_ids), most, replace=False)
    return [image_ids[i] for i in np.sort(chosen)]
