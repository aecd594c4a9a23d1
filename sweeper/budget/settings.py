"""Replace keys of a configuration: `{"grid.backbones": ["mobilenet"], "search.draws": 2}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

Settings = dict[str, Any]
"""Values by the path of their key; plain values that travel as JSON."""

Section = TypeVar("Section", bound=BaseModel)


def with_settings(config: Section, settings: Mapping[str, Any]) -> Section:
    """A copy of a configuration (or a section) with these keys replaced, not validated again."""
    for path, value in settings.items():
        name, _, rest = path.partition(".")
        changed = with_settings(getattr(config, name), {rest: value}) if rest else value
        config = config.model_copy(update={name: changed})
    return config


def value_at(config: BaseModel, path: str) -> Any:
    """The value of a key."""
    value: Any = config
    for name in path.split("."):
        value = getattr(value, name)
    return value
