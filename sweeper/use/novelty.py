"""Whether an image is unlike anything that a network was trained on, by its features.

The distance of an image is that to the nearest training image, between pooled features of the
frozen backbone, each in standard deviations of the training images (root mean square over the
features). It is far where 95 % of the training images are nearer to another one outside their own
group. What share of the test images is flagged so says how much a flag is worth. Features of length
1 (Sun et al., ICML 2022) did as well with trained backbones, and missed noise with random ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import nn

from sweeper.run.parts import TrialParts
from sweeper.store.records import read_split
from sweeper.store.store import Store
from sweeper.use.chosen import Chosen
from sweeper.use.finished import FinishedRun
from sweeper.use.run_artifacts import images_of_run, pooled_of
from trainables.activations import ActivationTable
from trainables.finetune import with_backbone

MOST_TRAINING_IMAGES = 20_000  # compared with; more are drawn from at random
_QUANTILE = 0.95
_LEAST_DEVIATION = 0.01  # of the mean one
_BLOCK = 1024  # rows compared at once


@dataclass(frozen=True)
class Threshold:
    """From which `distance` on an image counts as unlike the training images, and how many of the
    `tested` test images do (`flagged`)."""

    distance: float
    flagged: int
    tested: int

    def __str__(self) -> str:
        rate = f" ({100 * self.flagged / self.tested:.0f} %)" if self.tested else ""
        verb = "is" if self.flagged == 1 else "are"
        return (
            f"{100 * _QUANTILE:.0f} % of the training images are within {self.distance:.2f} of "
            f"another; {self.flagged} of {self.tested} test images{rate} {verb} flagged in this way"
        )


@dataclass(frozen=True)
class _Scale:
    """Features (n, C) in standard deviations of the training images, over sqrt(C)."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, training: np.ndarray) -> _Scale:
        deviation = training.std(axis=0)
        least = _LEAST_DEVIATION * float(deviation.mean())  # a feature that never varied
        return cls(training.mean(axis=0), np.maximum(deviation, max(least, 1e-12)))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        scaled = (features - self.mean) / self.deviation / np.sqrt(features.shape[1])
        return np.asarray(scaled, np.float32)


class Novelty:
    """Feature distances to the training images of a cell."""

    def __init__(
        self, scale: _Scale, training: np.ndarray, threshold: Threshold, network: nn.Module
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._scale, self._training, self.threshold = scale, training, threshold
        self._network = network.to(self.device)

    @classmethod
    def of(cls, run: FinishedRun, chosen: Chosen, store: Store) -> Novelty | None:
        """None where the store has no pooled features of the cell's images, or two groups of
        training images are not there to compare."""
        spec, artifact = chosen.spec, pooled_of(chosen.spec, store)
        if artifact is None:
            return None
        check = partial(store.check_copy, artifact)
        table = ActivationTable(artifact.folder, store.filesystem, check)
        images = images_of_run(run)
        group = dict(zip(images["image_id"], images["group"], strict=True))
        split = read_split(store, spec.split_key)
        train, test = (
            _sampled(sorted(set(split.loc[split["part"] == part, "image_id"]) & set(group)))
            for part in ("train", "test")
        )
        groups = np.unique([group[one] for one in [*train, *test]], return_inverse=True)[1]
        of_train, of_test = groups[: len(train)], groups[len(train) :]
        if len(np.unique(of_train)) < 2:
            return None
        raw = _features(table, train)
        scale = _Scale.of(raw)
        features = scale(raw)
        own = nearest(features, of_train, features, of_train)
        limit = float(np.quantile(own[np.isfinite(own)], _QUANTILE))
        tested = nearest(scale(_features(table, test)), of_test, features, of_train)
        threshold = Threshold(limit, int((tested > limit).sum()), len(test))
        backbone = with_backbone(
            TrialParts(spec, store).backbone, spec.settings["pooling"], nn.Identity()
        )
        return cls(scale, features, threshold, backbone.eval())

    @torch.no_grad()
    def distances(self, images: np.ndarray) -> np.ndarray:
        """(n, N, N, 3) uint8, as training had them -> (n,)."""
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float().to(self.device)
        features = self._scale(self._network(pixels).cpu().numpy())
        nobody = np.full(len(features), -1)
        return nearest(features, nobody, self._training, np.zeros(len(self._training), np.int64))

    def is_far(self, distance: float) -> bool:
        """Whether the training images hold nothing like it."""
        return distance > self.threshold.distance


def nearest(
    asked: np.ndarray, asked_group: np.ndarray, known: np.ndarray, known_group: np.ndarray
) -> np.ndarray:
    """The distance of each of `asked` (n, C) to the nearest of `known` (m, C) of another group;
    (n,), infinite where there is none."""
    found, length = np.full(len(asked), np.inf), (known**2).sum(axis=1)
    for start in range(0, len(asked), _BLOCK):
        rows = slice(start, start + _BLOCK)
        squared = (asked[rows] ** 2).sum(axis=1)[:, None] + length - 2 * (asked[rows] @ known.T)
        squared[asked_group[rows, None] == known_group[None]] = np.inf
        found[rows] = np.sqrt(np.maximum(squared.min(axis=1), 0))
    return found


def _features(table: ActivationTable, image_ids: list[str]) -> np.ndarray:
    """(n, C) float32, of the images themselves."""
    rows = pd.DataFrame({"image_id": image_ids, "copy": np.zeros(len(image_ids), np.int32)})
    return table.gather(table.find(rows))


def _sampled(image_ids: list[str]) -> list[str]:
    """All, or as many as are compared; the same ones each time."""
    if len(image_ids) <= MOST_TRAINING_IMAGES:
        return image_ids
    chosen = np.random.default_rng(0).choice(len(image_ids), MOST_TRAINING_IMAGES, replace=False)
    return [image_ids[i] for i in np.sort(chosen)]
