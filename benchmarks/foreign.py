"""Sets of pictures without copies, unlike those that the search for near-copies was built on.

Every pair that is found among them is false: parts of photographs, textures, handwritten digits,
plots on the same axes, and forms that were filled in and scanned.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits, load_sample_images

from datasets.textures import textures

Image = NDArray[np.uint8]
_PATCH = 64  # px
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_HAND = cv2.FONT_HERSHEY_SCRIPT_SIMPLEX


def photographs(count: int) -> list[Image]:
    """Parts of scikit-learn's two photographs that do not overlap; there are 120."""
    parts = [
        np.ascontiguousarray(photo[top : top + _PATCH, left : left + _PATCH])
        for photo in load_sample_images().images
        for top in range(0, photo.shape[0] - _PATCH + 1, _PATCH)
        for left in range(0, photo.shape[1] - _PATCH + 1, _PATCH)
    ]
    return parts[:count]


def digits(count: int) -> list[Image]:
    """Handwritten digits, 8 x 8 px, enlarged to 64."""
    rows = load_digits().images[:count]
    scaled = [np.asarray(np.rint(row * (255 / 16)), np.uint8) for row in rows]
    return [np.asarray(cv2.resize(row, (64, 64), interpolation=cv2.INTER_CUBIC)) for row in scaled]


def plots(count: int) -> list[Image]:
    """Individual curves on the same axes."""
    return [_plot(np.random.default_rng([1, number])) for number in range(count)]


def forms(count: int) -> list[Image]:
    """One printed form, filled in by hand and scanned a little askew."""
    return [_form(np.random.default_rng([2, number])) for number in range(count)]


SETS: dict[str, Callable[[int], list[Image]]] = {
    "photographs": photographs,
    "textures": textures,
    "digits": digits,
    "plots of one template": plots,
    "scanned forms": forms,
}


def _plot(rng: np.random.Generator) -> Image:
    page = np.full((240, 320), 255, np.uint8)
    cv2.rectangle(page, (40, 20), (300, 210), 0, 2)
    for tick in range(6):
        cv2.putText(page, str(2 * tick), (36 + 51 * tick, 228), _FONT, 0.4, 0, 1)
        cv2.putText(page, f"{5 - tick}.0", (10, 26 + 37 * tick), _FONT, 0.4, 0, 1)
    x = np.arange(44, 298)
    y = 115 - rng.uniform(30, 80) * np.sin(x * rng.uniform(0.02, 0.08) + rng.uniform(0, 6.3))
    y += np.cumsum(rng.normal(0, 1, len(x)))
    points = np.stack([x, y.clip(24, 206)], axis=1).round().astype(np.int32)
    cv2.polylines(page, [points], False, 80, 2)
    return page


def _form(rng: np.random.Generator) -> Image:
    page = np.full((560, 400), 250, np.uint8)
    cv2.putText(page, "Admission form", (90, 40), _FONT, 0.9, 0, 2)
    for row, label in enumerate(("Name", "Born", "Address", "Ward", "Findings", "", "", "Signed")):
        y = 100 + 55 * row
        cv2.putText(page, label, (20, y), _FONT, 0.5, 0, 1)
        cv2.line(page, (120, y + 5), (380, y + 5), 0, 1)
        text = "".join(rng.choice(list("abcdefghiklmnoprstuvw "), rng.integers(6, 16)))
        slant = int(rng.integers(-4, 5))
        cv2.putText(page, text, (125 + int(rng.integers(0, 30)), y + slant), _HAND, 0.8, 60, 1)
    turn = cv2.getRotationMatrix2D((200, 280), rng.uniform(-1.5, 1.5), rng.uniform(0.97, 1.03))
    scanned = cv2.warpAffine(page, turn, (400, 560), borderValue=235).astype(np.float32)
    noisy = scanned * rng.uniform(0.9, 1.0) + rng.normal(0, 4, page.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)
