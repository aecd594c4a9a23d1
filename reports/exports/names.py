"""File names from the names of scenarios and split policies, which may hold anything."""

from __future__ import annotations

import re
import unicodedata


class FileNames:
    """Gives out names: lower case, safe on every file system, each one once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def make(self, *parts: str) -> str:
        """('grouped', 'Hand & wrist', 'transfer') -> 'grouped-hand-wrist-transfer'."""
        joined = "-".join(filter(None, (_plain(part) for part in parts)))[:100] or "unnamed"
        name, number = joined, 2
        while name in self._given:
            name, number = f"{joined}-{number}", number + 1
        self._given.add(name)
        return name


def _plain(part: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
