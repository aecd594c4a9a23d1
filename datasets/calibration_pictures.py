"""Pictures that set the BatchNorm statistics of random weights, by the source of a run's images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from datasets.drawn.synthetic import calibration_radiographs
from datasets.textures import TEXTURES_VERSION, textures


class CalibrationPictures(NamedTuple):
    """`draw(n)` gives n grey pictures, (H, W) uint8; `name` stands for them in the keys of
    backbones, where "" leaves it out."""

    name: str
    draw: Callable[[int], list[np.ndarray]]


CALIBRATION_PICTURES: Mapping[str, CalibrationPictures] = {
    "folder": CalibrationPictures(f"textures-{TEXTURES_VERSION}", textures),
    "synthetic": CalibrationPictures("", calibration_radiographs),
}
"""By `data.source`."""
