"""Pictures that set the BatchNorm statistics of random weights, by the source of a run's images."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from datasets.drawn.synthetic import calibration_radiographs
from datasets.textures import textures

CALIBRATION: Mapping[str, Callable[[int], list[np.ndarray]]] = {
    "folder": textures,
    "synthetic": calibration_radiographs,
}
"""`data.source` -> a function that draws that many grey pictures, (H, W) uint8."""
