"""Read the configuration of a run that an earlier version wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datasets.augment import BUILT_IN

_OLD_KEYS = ("horizontal_flip_p", "vertical_flip_p", "rotation_degrees", "contrast")
_AS_PUBLISHED = (0.5, 0.5, 54.0, 0.1)


def in_present_keys(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the keys of this version and the meaning of its own: every image was
    squashed, later resized by averaging areas, and an augmentation was four numbers. Raises
    TypeError if it is no configuration."""
    given = _mapping(_mapping(config).get("preprocess", {}))
    preprocess = {"fit": "squash", "interpolation": "area", **given}
    augmentations = {
        name: _listed(_mapping(one))
        for name, one in _mapping(config.get("augmentations", {})).items()
    }
    return {**config, "preprocess": preprocess, "augmentations": augmentations}


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"expected a mapping, got {type(value).__name__}")
    return value


def _listed(augmentation: Mapping[str, Any]) -> dict[str, Any]:
    """An augmentation with a list of transforms in place of the four numbers."""
    rest = {key: value for key, value in augmentation.items() if key not in _OLD_KEYS}
    if len(rest) == len(augmentation):
        return rest
    numbers = tuple(augmentation[key] for key in _OLD_KEYS)
    if numbers == _AS_PUBLISHED:
        return {**rest, "transforms": BUILT_IN["fec-ige"]}
    across, down, degrees, contrast = numbers
    _, _, rotate, jitter = BUILT_IN["fec-ige"]
    return {
        **rest,
        "transforms": [
            {"HorizontalFlip": {"p": across}},
            {"VerticalFlip": {"p": down}},
            {"Rotate": {**rotate["Rotate"], "limit": [-degrees, degrees]}},
            {"ColorJitter": {**jitter["ColorJitter"], "contrast": [1 - contrast, 1 + contrast]}},
        ],
    }
