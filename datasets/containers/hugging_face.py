"""The features of a Hugging Face dataset on disk: which columns are images and classes.

`datasets` writes them as JSON into the metadata of every Parquet and Arrow file, and into
`dataset_info.json` beside Arrow files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

_KEY = b"huggingface"


@dataclass(frozen=True)
class Features:
    """The columns that hold images, and the class names of those that hold classes as numbers."""

    images: tuple[str, ...] = ()
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def class_name(self, column: str, value: Any) -> Any:
        """The name of a class by its number; None for -1, which stands for no label."""
        names = self.classes.get(column)
        if names is None or not isinstance(value, int):
            return value
        return names[value] if 0 <= value < len(names) else None


def features_of(schema: pa.Schema, dataset_info: bytes = b"") -> Features:
    """The features that a file or its dataset_info.json states; none if neither does."""
    stated = _json((schema.metadata or {}).get(_KEY, b"")).get("info", {})
    features = _record(stated).get("features") or _json(dataset_info).get("features") or {}
    images, classes = [], {}
    for name, feature in _record(features).items():
        kind = _record(feature).get("_type")
        if kind == "Image":
            images.append(name)
        elif kind == "ClassLabel" and isinstance(feature.get("names"), list):
            classes[name] = tuple(map(str, feature["names"]))
    return Features(tuple(images), classes)


def _json(text: bytes) -> dict[str, Any]:
    try:
        return _record(json.loads(text or b"{}"))
    except ValueError:
        return {}


def _record(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
