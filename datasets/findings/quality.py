"""Find poor pictures: blurred, dark, bright, empty, of unusual size.

What is usual differs between collections, so most limits are relative: a picture stands out if it
is many robust standard deviations (1.4826 times the median absolute deviation) from the median.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.findings.flat import NEARLY_CONSTANT
from datasets.lookalikes.thumbnails import Image, Thumbnails

QUALITY_COLUMNS = ("sharpness", "darkest", "brightest", "information")
_FAR = 5.0  # robust standard deviations
# In collections that are all alike, small differences are none.
_LEAST_SPREAD = 0.1  # of logarithms
_NO_DETAIL = 0.012  # sharpness; of 1129 radiographs, the lowest is 0.017
_DARK, _BRIGHT = 40.0, 215.0  # grey levels that nearly all pixels are under, or over
_LITTLE, _LEVEL_BITS = 0.5, 4  # bits per pixel, of 16 grey levels
_SHARP_BLUR_PX = 1.0
_ODD = 3.0  # times the usual size or shape
_FEWEST = 20  # images from which something is usual


@dataclass(frozen=True)
class PoorImages:
    """`kind`: what is wrong; `paths` of the images, the worst first."""

    kind: str
    paths: tuple[str, ...]


def measure_quality(thumbnails: Thumbnails) -> NDArray[np.float32]:
    """(N, 4): `QUALITY_COLUMNS` of every preview.

    `sharpness`: standard deviation of the finest detail in proportion to that of the picture;
    `darkest`, `brightest`: the grey levels (0..255) of the first and the last percent of pixels;
    `information`: entropy of 16 grey levels in bits.
    """
    rows = [_measured(thumbnails.preview(row)) for row in range(len(thumbnails))]
    return np.array(rows, np.float32).reshape(-1, len(QUALITY_COLUMNS))


def poor_images(images: pd.DataFrame, quality: NDArray[np.float32]) -> list[PoorImages]:
    """The kinds of poor images that occur, without nearly constant ones.

    Args:
        images: path, width, height, contrast.
        quality: as `measure_quality` returns it, in their order.
    """
    shown = (images["contrast"] >= NEARLY_CONSTANT).to_numpy()
    table = images[shown]
    sharpness, darkest, brightest, information = quality[shown].T
    found = [
        ("blurred", _blurred(sharpness)),
        ("nearly black", np.where(brightest < _DARK, _DARK - brightest, 0)),
        ("nearly white", np.where(darkest > _BRIGHT, darkest - _BRIGHT, 0)),
        ("almost without information", np.where(information < _LITTLE, _LITTLE - information, 0)),
        ("of unusual size or shape", _odd(table)),
    ]
    return list(_named(table["path"].to_numpy(), found))


def _measured(picture: Image) -> tuple[float, float, float, float]:
    values = picture.astype(np.float32)
    fine = values - cv2.GaussianBlur(values, (0, 0), _SHARP_BLUR_PX)
    darkest, brightest = np.percentile(picture, (1, 99))
    levels = picture.ravel() >> _LEVEL_BITS  # JPEG adds some around each
    shares = np.bincount(levels) / picture.size
    shares = shares[shares > 0]
    entropy = float(-(shares * np.log2(shares)).sum())
    return float(fine.std() / (values.std() + 1e-3)), float(darkest), float(brightest), entropy


def _blurred(sharpness: NDArray[np.float32]) -> NDArray[np.float64]:
    """How blurred each picture is; 0 if it has detail and is not far below what is usual."""
    logs = np.log(np.maximum(sharpness, 1e-4))
    relative = _below(logs)
    return np.where(sharpness < _NO_DETAIL, np.maximum(relative, -logs), relative)


def _below(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """How far values are below what is usual; 0 where that is not far."""
    if len(values) < _FEWEST:
        return np.zeros(len(values))
    middle = np.median(values)
    spread = max(_LEAST_SPREAD, 1.4826 * float(np.median(np.abs(values - middle))))
    far = (middle - values) / spread
    return np.where(far > _FAR, far, 0.0)


def _odd(images: pd.DataFrame) -> NDArray[np.float64]:
    """How far size and shape are from the usual ones; 0 if by less than `_ODD` times."""
    if len(images) < _FEWEST:
        return np.zeros(len(images))
    worst = np.zeros(len(images))
    width, height = (np.log(images[side].to_numpy(float)) for side in ("width", "height"))
    for values in ((width + height) / 2, width - height):
        distance = np.abs(values - np.median(values))
        spread = max(_LEAST_SPREAD, 1.4826 * float(np.median(distance)))
        is_odd = (distance > _FAR * spread) & (distance > np.log(_ODD))
        worst = np.maximum(worst, np.where(is_odd, distance, 0.0))
    return worst


def _named(
    paths: NDArray[np.object_], found: list[tuple[str, NDArray[np.floating]]]
) -> Iterator[PoorImages]:
    for kind, badness in found:
        order = np.argsort(-badness, kind="stable")
        worst = order[badness[order] > 0]
        if len(worst):
            yield PoorImages(kind, tuple(str(paths[row]) for row in worst))
