"""Augmentations: named lists of transforms, and the copies that they make of an image.

A copy is a function of the image's content and the copy's number alone, so it can be made once, in
any process, and shared by every trial, scenario, split and seed.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.transforms import Transform, transformed

# Raise it with albumentations' pinned version: its transforms change their pixels.
AUGMENTATION_VERSION = 2

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Augmentation:
    """Transforms applied in this order, as a JSON list: `[{"HorizontalFlip": {"p": 0.5}}]`."""

    transforms: str = "[]"

    @classmethod
    def of(cls, transforms: Sequence[Transform]) -> "Augmentation":
        return cls(json.dumps(list(transforms)))

    @property
    def made_from(self) -> dict[str, Any]:
        """What the copies depend on besides the image; for keys of the store."""
        if self == FEC_IGE:
            return dict(_FEC_IGE_KEY)
        return {"version": AUGMENTATION_VERSION, "transforms": json.loads(self.transforms)}


_REFLECTED = {"border_mode": "BORDER_REFLECT"}
_UNCHANGED_COLOURS = {"brightness": [1.0, 1.0], "saturation": [1.0, 1.0], "hue": [0.0, 0.0]}

BUILT_IN: Mapping[str, list[dict[str, dict[str, Any]]]] = {
    # The notebook of the paper: RandomFlip, RandomRotation(0.15), RandomContrast(0.1) of Keras.
    "fec-ige": [
        {"HorizontalFlip": {"p": 0.5}},
        {"VerticalFlip": {"p": 0.5}},
        {"Rotate": {"limit": [-54.0, 54.0], "p": 1.0, **_REFLECTED}},
        # RandomBrightnessContrast multiplies about zero, whatever its docstring says;
        # ColorJitter's contrast is about the mean.
        {"ColorJitter": {**_UNCHANGED_COLOURS, "contrast": [0.9, 1.1], "p": 1.0}},
    ],
    # What differs between two exposures of one body part: position, exposure, detector noise.
    "radiograph": [
        {"HorizontalFlip": {"p": 0.5}},
        {
            "Affine": {
                "rotate": [-10, 10],
                "scale": [0.9, 1.1],
                "translate_percent": [-0.05, 0.05],
                "p": 1.0,
                **_REFLECTED,
            }
        },
        {"ColorJitter": {**_UNCHANGED_COLOURS, "contrast": [0.8, 1.2], "p": 1.0}},
        {"RandomGamma": {"gamma_limit": [80, 125], "p": 0.5}},
        {"GaussNoise": {"std_range": [0.005, 0.02], "per_channel": False, "p": 0.3}},
    ],
    # The crops, flips and colours of ImageNet training, with larger crops than its 8 %.
    "photo": [
        {"RandomResizedCrop": {"scale": [0.5, 1.0], "ratio": [0.75, 1.3333], "p": 1.0}},
        {"HorizontalFlip": {"p": 0.5}},
        {
            "ColorJitter": {
                "brightness": [0.7, 1.3],
                "contrast": [0.7, 1.3],
                "saturation": [0.7, 1.3],
                "hue": [-0.05, 0.05],
                "p": 0.8,
            }
        },
    ],
    # A section has no upright position; stain and focus differ between laboratories.
    "histology": [
        {"D4": {"p": 1.0}},
        {"Affine": {"scale": [0.9, 1.1], "p": 0.5, **_REFLECTED}},
        {
            "ColorJitter": {
                "brightness": [0.85, 1.15],
                "contrast": [0.85, 1.15],
                "saturation": [0.8, 1.2],
                "hue": [-0.04, 0.04],
                "p": 0.8,
            }
        },
        {"GaussianBlur": {"sigma_limit": [0.2, 1.0], "p": 0.2}},
    ],
}
"""The transforms of the built-in augmentations, by the name that a configuration gives them."""

BUILT_IN_TRANSFORMS = [one for transforms in BUILT_IN.values() for one in transforms]

FEC_IGE = Augmentation.of(BUILT_IN["fec-ige"])
_FEC_IGE_KEY = {
    "version": 1,
    "horizontal_flip_p": 0.5,
    "vertical_flip_p": 0.5,
    "rotation_degrees": 54.0,
    "rotation_border": "reflect",
    "contrast": 0.1,
}  # as before there were lists of transforms, so that its copies in existing stores stay valid


def augment(image: Image, image_id: str, copy: int, how: Augmentation = FEC_IGE) -> Image:
    """Make one augmented copy of a preprocessed image.

    Args:
        image: (N, N, 3) uint8.
        image_id: the content hash that seeds the copy; a suffix from "-" on (a second file with
            the same bytes) does not count.
        copy: 0 returns the image itself; 1, 2, ... are its augmented copies.
        how: the transforms.

    Returns:
        (N, N, 3) uint8.

    Raises:
        ValueError: a negative copy.
    """
    if copy < 0:
        raise ValueError(f"copy={copy}: expected 0 (the image itself) or more")
    if copy == 0:
        return image
    return transformed(how.transforms, image, copy_seed(image_id, copy))


def copy_seed(image_id: str, copy: int) -> int:
    """The seed of a copy of an image."""
    content, _, _ = image_id.partition("-")
    digest = hashlib.sha256(f"{content}:{copy}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
