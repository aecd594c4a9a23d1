"""What a configuration names for each axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweeper.config.schema import Config


def entries_of(config: Config, key: str) -> Sequence[Any]:
    """What a configuration names for an axis at `key`: a list; a number n stands for 1..n, and
    nothing for 0."""
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    if value is None:
        return [0]
    return range(1, value + 1) if isinstance(value, int) else list(value)
