"""Class probabilities of new images by a trained network, and why: the same way as in training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from datasets.decoding.decode import decode_image, read_file
from datasets.decoding.isolation import Reader
from datasets.errors import DataError
from datasets.preprocess import preprocess
from sweeper.champions import champion_network
from sweeper.config import ExplainSection, PreprocessSection
from sweeper.models.chosen import Chosen
from sweeper.store import Store
from trainables.explain import Probabilities, attribute

_BATCH = 32
_RED, _BLUE = (203, 24, 29), (33, 102, 172)
_FULL_AT = 0.99  # quantile of |attribution| drawn in full colour


@dataclass(frozen=True)
class Prediction:
    """One image's probabilities, in the order of the cell's classes."""

    path: Path
    probabilities: list[float]

    @property
    def best(self) -> int:
        return int(np.argmax(self.probabilities))


def read_images(paths: Sequence[Path], section: PreprocessSection) -> np.ndarray:
    """Images as training had them, (n, N, N, 3) uint8.

    Each is decoded in a process of its own before it is decoded here: a file that crashes a decoder
    is told as any other. Raises DataError with the path of the first that cannot be read.
    """
    with Reader() as reader:
        return np.stack([_image(reader, path, section) for path in paths])


def _image(reader: Reader, path: Path, section: PreprocessSection) -> np.ndarray:
    if path.is_dir():
        raise DataError(f"image '{path}': a folder; give its files, as {path}/*")
    problem = reader.describe(str(path)).problem
    if problem:
        raise DataError(f"image '{path}': {problem}")
    return preprocess(decode_image(read_file(path)), section.image_size, section.contrast)


class Predictor:
    """A cell's champion as a network from pixels to probabilities, on the CPU or the first GPU."""

    def __init__(self, chosen: Chosen, store: Store) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = champion_network(chosen.spec, store)
        assert isinstance(network, Probabilities)
        self.network = Tempered(network.network, chosen.temperature).to(self.device)

    @torch.no_grad()
    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """(n, N, N, 3) uint8 -> (n, classes) float32."""
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        return np.concatenate(
            [self.network(some.to(self.device)).cpu().numpy() for some in pixels.split(_BATCH)]
        )

    def explanation(self, image: np.ndarray, target: int, explain: ExplainSection) -> np.ndarray:
        """Integrated Gradients of a class from a black image, (N, N) float32."""
        return attribute(
            self.network,
            image,
            target,
            baseline="black",
            n_steps=explain.n_steps,
            random_baselines=0,
            seed=0,
            device=self.device,
        ).map


class Tempered(Probabilities):
    """Probabilities of logits divided by a temperature (Guo et al. 2017)."""

    def __init__(self, network: torch.nn.Module, temperature: float) -> None:
        super().__init__(network)
        self.temperature = temperature

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(pixels)
        return (logits / self.temperature).softmax(1)


def predict(
    chosen: Chosen, store: Store, paths: Sequence[Path], section: PreprocessSection
) -> list[Prediction]:
    """Probabilities of image files. Raises DataError for one that cannot be read."""
    scores = Predictor(chosen, store).probabilities(read_images(paths, section))
    return [Prediction(path, row.tolist()) for path, row in zip(paths, scores, strict=True)]


def write_overlays(
    predictions: Sequence[Prediction],
    chosen: Chosen,
    store: Store,
    preprocessing: PreprocessSection,
    explain: ExplainSection,
    folder: Path,
) -> Iterator[Path]:
    """One PNG an image: red speaks for the predicted class, blue against it."""
    predictor = Predictor(chosen, store)
    images = read_images([one.path for one in predictions], preprocessing)
    folder.mkdir(parents=True, exist_ok=True)
    for prediction, image in zip(predictions, images, strict=True):
        place = hashlib.sha256(str(prediction.path.resolve()).encode()).hexdigest()[:8]
        target = folder / f"{prediction.path.stem}-{place}.png"
        overlay(image, predictor.explanation(image, prediction.best, explain)).save(target)
        yield target


def overlay(image: np.ndarray, attributions: np.ndarray) -> Image.Image:
    """`attributions` (N, N), smoothed by a pixel or two, in colour over the grey `image`
    (N, N, 3)."""
    smooth = cv2.GaussianBlur(attributions, (0, 0), max(1.0, image.shape[0] / 112))
    strongest = float(np.quantile(np.abs(smooth), _FULL_AT)) or 1.0
    strength = np.clip(np.abs(smooth) / strongest, 0, 1)[..., None]
    colour = np.where(smooth[..., None] > 0, np.array(_RED), np.array(_BLUE))
    grey = image.mean(axis=2, keepdims=True).repeat(3, axis=2)
    return Image.fromarray(np.uint8(np.rint(grey * (1 - strength) + colour * strength)))
