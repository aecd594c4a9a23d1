"""What each tracker has been given, in `<run>/tracking.json`: a resumed run goes on behind it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FILE = "tracking.json"


@dataclass
class Given:
    """What one tracker has been given. `state`: of the tracker itself."""

    epochs: dict[str, int] = field(default_factory=dict)  # trial key -> how many
    cells: dict[str, str] = field(default_factory=dict)  # cell -> key of its champion
    page: str = ""  # hash
    state: dict[str, Any] = field(default_factory=dict)


class Journal:
    """The file of a run. It is written after a tracker has taken something: a run that is killed in
    between gives the same again, under the same step."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._given: dict[str, Given] = {}
        if self._path.exists():
            known = json.loads(self._path.read_text(encoding="utf-8"))
            self._given = {name: Given(**one) for name, one in known.items()}

    def of(self, tracker: str, target: str) -> Given:
        """What a tracker with this target has been given."""
        return self._given.setdefault(f"{tracker} {target}", Given())

    def write(self) -> None:
        """Write the file, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_name(f".{_FILE}.{os.getpid()}")
        content = {name: vars(one) for name, one in self._given.items()}
        beside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        beside.replace(self._path)
