"""The pointing game: does an attribution map point to where the finding is known to be?

A map hits if its strongest positive attribution, after a blur of a fiftieth of the image's side,
lies in the marked region (Zhang et al. 2018). Findings often lie near the centre, and so do the
peaks of maps that ignore the image. So a map is compared with the maps of other images by the same
cell: those that ignore the image point into its region as often. Regions come from
`explain.masks`; the drawn radiographs know where their break lies.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from datasets.drawn.synthetic import file_mask
from datasets.preprocess import preprocess
from sweeper.plan.plan import Plan

_BLUR = 1 / 50  # standard deviation, in sides of the image


class MarkedRegions:
    """The marked regions of a plan's images, as the network sees them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def with_columns(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """The rows of one cell of `attributions`, in their order, with `marked`, `hit` and
        `hit_by_others`: None where no region is known, no map is shown or, for the last, no other
        image has a map."""
        maps = [(row, _peak(row)) for row in rows]
        alike: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for row, peak in maps:
            if peak is not None:
                alike.setdefault(_kind(row), []).append((row["image_id"], peak))
        for row, peak in maps:
            own, known = row["image_id"], alike.get(_kind(row), [])
            others = [found for image_id, found in known if image_id != own]
            yield {**row, **self._columns(row, peak, others)}

    def _columns(
        self, row: Mapping[str, Any], peak: int | None, others: Sequence[int]
    ) -> dict[str, Any]:
        side = math.isqrt(len(row["map"]))  # 0 where no map is shown
        mask = self._mask(row["image_id"], side, row["backbone"]) if side else None
        if mask is None:
            return {"marked": None, "hit": None, "hit_by_others": None}
        flat = mask.ravel()
        return {
            "marked": float(mask.mean()),
            "hit": None if peak is None else bool(flat[peak]),
            "hit_by_others": float(flat[list(others)].mean()) if others else None,
        }

    def _mask(self, image_id: str, side: int, backbone: str) -> np.ndarray | None:
        """(N, N) bool, N = side, of an image as a backbone's images are resized and cropped."""
        mask = self._original(self._paths[image_id]) if image_id in self._paths else None
        if mask is None:
            return None
        white = np.repeat(np.uint8(255) * mask[..., None].astype(np.uint8), 3, axis=2)
        how = self._plan.preprocessing[backbone]
        steps = replace(
            how, image_size=side, contrast="none", grey=False, clahe=None, fill=(0, 0, 0)
        )
        return np.asarray(preprocess(white, steps)[..., 0] > 127)

    def _original(self, path: str) -> np.ndarray | None:
        """(H, W) bool, of the image as it is: what the user marked, or where a break is drawn."""
        if self._plan.marked:
            return self._plan.marked.mask(path)
        data = self._plan.config.data
        return file_mask(path, data.synthetic.seed) if data.source == "synthetic" else None

    @cached_property
    def _paths(self) -> dict[str, str]:
        images = self._plan.collection.images
        return dict(zip(images["image_id"], images["path"], strict=True))


def _kind(row: Mapping[str, Any]) -> tuple[str, str]:
    """Maps of one method and baseline resemble each other."""
    return row["method"], row["baseline"]


def _peak(row: Mapping[str, Any]) -> int | None:
    """Where the map of a row points; None if it has not converged or is not shown."""
    return peak_of(row["map"]) if row["converged"] and len(row["map"]) else None


def peak_of(values: np.ndarray) -> int:
    """The flat index of the strongest positive attribution of a map, (N * N,)."""
    side = math.isqrt(len(values))
    signed = np.asarray(values, np.float32).reshape(side, side)
    smooth = cv2.GaussianBlur(np.maximum(signed, 0), (0, 0), max(0.5, _BLUR * side))
    return int(smooth.argmax())
