"""What a user can get wrong, apart from data and weights; messages are one line each."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST_LINE = 1000


class ConfigError(ValueError):
    """Mistakes in a configuration, all of them, a line each."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = [one_line(line) for line in lines]
        super().__init__("\n".join(self.lines))


class ResourceError(ValueError):
    """Resources that are asked for and not there."""


class StoreError(ValueError):
    """A store or folder that cannot be used."""


def one_line(text: str) -> str:
    """`text` as one line of what a terminal prints and does not obey, and not endless."""
    words = " ".join(text.split())
    printable = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in words
    )
    if len(printable) <= _LONGEST_LINE:
        return printable
    return f"{printable[: _LONGEST_LINE - 100]} ... {printable[-90:]}"
