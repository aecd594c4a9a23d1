"""What a configuration says of its images, weights and machine beside the shipped ones, for
commands that ask the next question about the same images."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from sweeper.config.load import shipped
from sweeper.config.schema import Config

NEXT = "default"
"""The shipped configuration that the next question is asked with."""
_OF_THE_QUESTION = frozenset(
    {"name", "grid", "augmentations", "recipes", "search", "finetune", "explain", "robustness"}
)
_SAME_CLASSES = "grid.scenarios"
_NAMED = ("backbones", "weights")  # sections whose entries have names of the user's


def own_settings(config: Config) -> dict[str, Any]:
    """Values by the path of their key, where they differ both from `NEXT` and from the shipped
    configuration of this one's name; plain values. Of backbones and weights, every entry that
    `NEXT` does not have."""
    following = _keys(shipped(NEXT) or config)
    origin = _keys(shipped(config.name) or Config(name=config.name))
    found = {}
    for path, value in _keys(config).items():
        section = path.partition(".")[0]
        same = path in following and following[path] == value
        inherited = path in origin and origin[path] == value and section not in _NAMED
        if not (same or inherited) and (section not in _OF_THE_QUESTION or path == _SAME_CLASSES):
            found[path] = value
    return found


def _keys(config: Config) -> dict[str, Any]:
    """Two levels: sections are opened, and so are mappings of names."""
    found: dict[str, Any] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            found |= {f"{name}.{key}": own for key, own in value.model_dump(mode="json").items()}
        elif isinstance(value, dict):
            found |= {f"{name}.{key}": _plain(own) for key, own in value.items()}
        else:
            found[name] = value
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    return value
