"""A fixed, named set of corruptions, each mild and strong, to test how robust a network is.

They are applied to the preprocessed image, in the spirit of Hendrycks and Dietterich (2019), and
are the same pixels in every process. Grey images stay grey.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.augment import copy_seed

CORRUPTIONS_VERSION = 1
SEVERITIES = ("mild", "strong")
_DESIGN_SIDE = 224  # px; lengths are scaled to the side of the image

Image = NDArray[np.uint8]


class Corruption(NamedTuple):
    """`change(image, level, generator)`; one level for each of `SEVERITIES`."""

    meaning: str
    levels: tuple[float, float]
    change: Callable[[Image, float, np.random.Generator], NDArray[np.floating]]


def corrupted(image: Image, image_id: str, name: str, severity: str) -> Image:
    """Corrupt a preprocessed image, (N, N, 3) uint8; the same draw for the same content."""
    one, level = CORRUPTIONS[name], SEVERITIES.index(severity)
    number = 2 * list(CORRUPTIONS).index(name) + level
    generator = np.random.default_rng([CORRUPTIONS_VERSION, copy_seed(image_id, number)])
    changed = one.change(image, one.levels[level], generator)
    return np.asarray(np.clip(np.rint(changed), 0, 255), np.uint8)


def every_corruption(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each corruption with each severity."""
    for name in names:
        for severity in SEVERITIES:
            yield name, severity


def _noise(image: Image, level: float, generator: np.random.Generator) -> NDArray[np.floating]:
    return image + generator.normal(0, 255 * level, (*image.shape[:2], 1))


def _blur(image: Image, level: float, _: np.random.Generator) -> NDArray[np.floating]:
    sigma = level * image.shape[0] / _DESIGN_SIDE
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float64)


def _jpeg(image: Image, level: float, _: np.random.Generator) -> NDArray[np.floating]:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(level)])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.float64)


def _contrast(image: Image, level: float, _: np.random.Generator) -> NDArray[np.floating]:
    mean = image.mean()
    return np.asarray(mean + level * (image - mean))


def _brightness(image: Image, level: float, _: np.random.Generator) -> NDArray[np.floating]:
    return np.asarray(image + 255 * level)


def _rotation(image: Image, level: float, generator: np.random.Generator) -> NDArray[np.floating]:
    side = image.shape[0]
    degrees = level * generator.choice([-1, 1])
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), degrees, 1.0)
    turned = cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned, np.float64)


def _resolution(image: Image, level: float, _: np.random.Generator) -> NDArray[np.floating]:
    side = image.shape[0]
    small = cv2.resize(image, (max(1, round(side / level)),) * 2, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR), np.float64)


CORRUPTIONS: Mapping[str, Corruption] = {
    "noise": Corruption(
        "Gaussian noise, standard deviation 4 and 10 % of the range", (0.04, 0.1), _noise
    ),
    "blur": Corruption("Gaussian blur, sigma 1.5 and 3 px at 224 px", (1.5, 3.0), _blur),
    "jpeg": Corruption("JPEG compression, quality 30 and 10", (30, 10), _jpeg),
    "contrast": Corruption("contrast reduced to 60 and 30 %", (0.6, 0.3), _contrast),
    "brightness": Corruption("brighter by 15 and 30 % of the range", (0.15, 0.3), _brightness),
    "rotation": Corruption("rotation by 5 and 15 degrees, either way", (5, 15), _rotation),
    "resolution": Corruption("resolution divided by 2 and 4", (2, 4), _resolution),
}
"""By name."""
