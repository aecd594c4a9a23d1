"""What a user can get wrong, apart from data and weights; messages are one line each."""

from __future__ import annotations

from collections.abc import Sequence


class ConfigError(ValueError):
    """Mistakes in a configuration, all of them."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = list(lines)


class ResourceError(ValueError):
    """Resources that are asked for and not there."""


class StoreError(ValueError):
    """A store or folder that cannot be used."""
