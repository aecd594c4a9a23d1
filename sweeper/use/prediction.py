"""Predict and explain class probabilities of new images, with the preprocessing of the training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from datasets.preprocess import Preprocessing
from sweeper.config.schema import ExplainSection
from sweeper.run.champions import champion_network, head_of
from sweeper.run.parts import TrialParts
from sweeper.store.store import Store
from sweeper.use.chosen import ChosenCell
from sweeper.use.explanation_picture import explanation_picture
from sweeper.use.known_images import KnownImage, KnownImages
from sweeper.use.new_images import NewImage, read_each
from sweeper.use.novelty import Novelty
from trainables.device import local_device
from trainables.explain import METHODS, Attribution, Method, Options, Score
from trainables.registry import BASELINES

BATCH = 32
"""Images that are read and predicted at once."""


@dataclass(frozen=True)
class Prediction:
    """The result for one file.

    `probabilities` in the order of the cell's classes, empty if the file has a `problem`. `known`:
    the run's image that it is a copy of. `distance`: of its features to the training images;
    `is_far` if it is unlike them. None if not computed.
    """

    path: Path
    probabilities: list[float]
    problem: str = ""
    known: KnownImage | None = None
    distance: float | None = None
    is_far: bool = False

    @property
    def best(self) -> int:
        return int(np.argmax(self.probabilities))


@dataclass(frozen=True)
class Drawing:
    """The file of a drawn explanation, and whether its map converged and is shown."""

    path: Path
    converged: bool


class Predictor:
    """A cell's champion as a network from pixels to probabilities, on `device`, by default the
    first GPU of this machine, or the CPU."""

    def __init__(
        self,
        chosen: ChosenCell,
        store: Store,
        novelty: Novelty | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.device = device or local_device()
        self._network = champion_network(TrialParts(chosen.spec, store)).to(self.device)
        self._novelty, self._is_frozen = novelty, not chosen.spec.entry.trains_backbone
        self._temperature = chosen.temperature
        self._probabilities = Score(self._network, "probability", chosen.temperature)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """(n, N, N, 3) uint8 -> (n, classes) float32."""
        return self.classify(images)[0]

    @torch.no_grad()
    def classify(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
        """(n, N, N, 3) uint8 -> probabilities (n, classes), distances to the training images (n,)
        where they are known, and the features (n, C) that the head gets."""
        features: list[np.ndarray] = []

        def keep(head: nn.Module, inputs: tuple[Tensor]) -> None:
            features.append(inputs[0].float().cpu().numpy())

        hook = head_of(self._network).register_forward_pre_hook(keep)
        try:
            scores = [
                self._probabilities(batch.to(self.device).float()).cpu().numpy()
                for batch in torch.from_numpy(images).permute(0, 3, 1, 2).split(BATCH)
            ]
        finally:
            hook.remove()
        pooled = np.concatenate(features)
        return np.concatenate(scores), self._distances(images, pooled), pooled

    def _distances(self, images: np.ndarray, features: np.ndarray) -> np.ndarray | None:
        """A backbone that was not trained computes the features that are compared anyway."""
        if self._novelty is None:
            return None
        if self._is_frozen:
            return self._novelty.reference.distances(features)
        return self._novelty.distances(images, self.device)

    def explanation(
        self, image: np.ndarray, target: int, explain: ExplainSection
    ) -> tuple[Method, Attribution]:
        """The map of a class by the run's first method that applies, with its first baseline."""
        model = Score(self._network, explain.score, self._temperature)
        names = [*explain.methods, *METHODS]
        method = next(
            METHODS[name] for name in names if not METHODS[name].refusal(model, image.shape[0])
        )
        options = Options(
            baseline=(explain.baselines or BASELINES)[0],
            max_steps=explain.max_steps,
            random_baselines=explain.random_baselines,
            device=self.device,
        )
        return method, method.attribute(model, image, target, options)


def predict(
    chosen: ChosenCell,
    store: Store,
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    known: KnownImages | None = None,
    novelty: Novelty | None = None,
) -> list[Prediction]:
    """Predict image files, in order; an unreadable file gets a `problem`.

    One batch of images is in memory at a time, and 16 kB of each image if `known` is given.
    """
    predictor = Predictor(chosen, store, novelty)
    predictions: list[Prediction] = []
    thumbnails: list[NewImage] = []
    images = read_each(paths, preprocessing)
    while batch := list(islice(images, BATCH)):
        predictions += _predict_batch(batch, predictor, novelty)
        thumbnails += [replace(image, pixels=None) for image in batch]
    if known is None:
        return predictions
    pairs = zip(predictions, known.find(thumbnails), strict=True)
    return [replace(prediction, known=copy) for prediction, copy in pairs]


def write_explanations(
    predictions: Sequence[Prediction],
    chosen: ChosenCell,
    store: Store,
    preprocessing: Preprocessing,
    explain: ExplainSection,
    folder: Path,
) -> Iterator[Drawing | None]:
    """Write one PNG per readable image (`explanation_picture`); yields None for the others."""
    predictor = Predictor(chosen, store)
    folder.mkdir(parents=True, exist_ok=True)
    images = read_each([prediction.path for prediction in predictions], preprocessing)
    for prediction, image in zip(predictions, images, strict=True):
        if image.pixels is None or prediction.problem:
            yield None
            continue
        best = prediction.best
        method, attribution = predictor.explanation(image.pixels, best, explain)
        path_hash = hashlib.sha256(str(prediction.path.resolve()).encode()).hexdigest()[:8]
        target = folder / f"{prediction.path.stem}-{path_hash}.png"
        target.write_bytes(
            explanation_picture(
                image.pixels,
                attribution,
                method,
                explain.score,
                prediction.path.name,
                chosen.classes[best],
                prediction.probabilities[best],
            )
        )
        yield Drawing(target, attribution.converged)


def _predict_batch(
    images: Sequence[NewImage], predictor: Predictor, novelty: Novelty | None
) -> list[Prediction]:
    readable = [image.pixels for image in images if image.pixels is not None]
    if not readable:
        return [Prediction(image.path, [], image.problem) for image in images]
    pixels = np.stack(readable)
    probabilities, measured, _ = predictor.classify(pixels)
    scores = iter(probabilities.tolist())
    distances = iter([None] * len(pixels) if measured is None else measured.tolist())
    found = []
    for image in images:
        if image.pixels is None:
            found.append(Prediction(image.path, [], image.problem))
            continue
        distance = next(distances)
        is_far = novelty is not None and distance is not None and novelty.is_far(distance)
        found.append(Prediction(image.path, next(scores), distance=distance, is_far=is_far))
    return found
