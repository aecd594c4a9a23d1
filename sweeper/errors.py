"""User errors except those of data and weights, each with a one-line message; and damage."""

from __future__ import annotations

from collections.abc import Sequence

_MAX_LENGTH = 1000


class ConfigError(ValueError):
    """All errors in a configuration, one line each."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = [one_line(line) for line in lines]
        super().__init__("\n".join(self.lines))


class ResourceError(ValueError):
    """Requested resources that are not available."""


class StoreError(ValueError):
    """A store or folder that cannot be used: an invalid address, or a refusal of the disk."""


class DamagedError(Exception):
    """A damaged artifact. It has been quarantined and must be rebuilt."""


def one_line(text: str) -> str:
    """`text` as one line of limited length, with control characters escaped."""
    words = " ".join(text.split())
    printable = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in words
    )
    if len(printable) <= _MAX_LENGTH:
        return printable
    return f"{printable[: _MAX_LENGTH - 100]} ... {printable[-90:]}"
