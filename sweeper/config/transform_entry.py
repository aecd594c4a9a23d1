"""Read a transform of `augmentations.NAME.transforms`: its name, and arguments typed as in YAML."""

from __future__ import annotations

from typing import Any

import yaml

from datasets.augment import BUILT_IN_TRANSFORMS
from datasets.transforms import check_transform


def known_transform(entry: Any) -> Any:
    """The entry with typed arguments; `{Rotate: null}` has none. Raises ValueError for an unknown
    transform or an invalid argument."""
    if entry in BUILT_IN_TRANSFORMS:  # checked by tests; importing albumentations takes 2 s
        return entry
    if isinstance(entry, dict):
        entry = {name: _typed(arguments or {}) for name, arguments in entry.items()}
    check_transform(entry)
    return entry


def _typed(value: Any) -> Any:
    """A config's scalars are text; those of a transform are numbers, switches or text."""
    if isinstance(value, dict):
        return {key: _typed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_typed(one) for one in value]
    if isinstance(value, str):
        try:
            scalar = yaml.safe_load(value)
        except yaml.YAMLError:
            return value
        return scalar if isinstance(scalar, bool | int | float) else value
    return value
