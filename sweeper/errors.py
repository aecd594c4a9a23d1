"""What a user can get wrong, apart from data and weights, in one line each; and damage."""

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
    """A store or folder that cannot be used: its address, or what the disk answers."""


class DamagedError(Exception):
    """An artifact that is not as it was written. It has been set aside: to be made anew."""


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
