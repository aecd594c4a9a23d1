"""The pointing game: does an attribution map point to where the finding is known to be?

A map hits if its strongest positive attribution, after a blur of a fiftieth of the image's side,
lies in the marked region (Zhang et al. 2018). By chance it does so with the region's share of the
image. The drawn radiographs know where their break lies.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from datasets.drawn.synthetic import file_mask
from datasets.preprocess import Preprocessing, preprocess
from sweeper.plan.plan import Plan

_BLUR = 1 / 50  # standard deviation, in sides of the image


class MarkedRegions:
    """The marked regions of a plan's images, as the network sees them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def columns(self, row: dict[str, Any]) -> dict[str, Any]:
        """`marked` and `hit` of a row of `attributions`: None where no region is known, or no map
        is shown."""
        side = math.isqrt(len(row["map"]))  # 0 where no map is shown
        mask = self._mask(row["image_id"], side) if side else None
        if mask is None:
            return {"marked": None, "hit": None}
        is_hit = points_into(row["map"], mask) if row["converged"] else None
        return {"marked": float(mask.mean()), "hit": is_hit}

    def _mask(self, image_id: str, side: int) -> np.ndarray | None:
        """(N, N) bool, N = side."""
        data = self._plan.config.data
        if data.source != "synthetic" or image_id not in self._paths:
            return None
        mask = file_mask(self._paths[image_id], data.synthetic.seed)
        if mask is None:
            return None
        white = np.repeat(np.uint8(255) * mask[..., None].astype(np.uint8), 3, axis=2)
        steps = Preprocessing(side, contrast="none", fit=self._plan.config.preprocess.fit)
        return np.asarray(preprocess(white, steps)[..., 0] > 127)

    @cached_property
    def _paths(self) -> dict[str, str]:
        images = self._plan.collection.images
        return dict(zip(images["image_id"], images["path"], strict=True))


def points_into(values: np.ndarray, mask: np.ndarray) -> bool:
    """Whether the strongest positive attribution of a map, (N * N,) or (N, N), lies in the mask."""
    signed = np.asarray(values, np.float32).reshape(mask.shape)
    smooth = cv2.GaussianBlur(np.maximum(signed, 0), (0, 0), max(0.5, _BLUR * mask.shape[0]))
    return bool(mask.ravel()[int(smooth.argmax())])
