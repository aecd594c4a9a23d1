"""Watches a local store: what became visible how often, and what killed writers left."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

_LOOK_EVERY_S = 0.03


class CommitWatch:
    """Counts how often each artifact's `artifact.json` was put in place, by its inode and time."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.seen: dict[str, set[tuple[int, int]]] = defaultdict(set)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> CommitWatch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()
        self._look()

    def commits(self, kind: str) -> dict[str, int]:
        """Key -> how often it was committed, of a kind of artifact."""
        return {
            path.split("/")[1]: len(stamps)
            for path, stamps in self.seen.items()
            if path.startswith(f"{kind}/")
        }

    def _watch(self) -> None:
        while not self._end.wait(_LOOK_EVERY_S):
            self._look()

    def _look(self) -> None:
        for path in self.store.glob("*/*/artifact.json"):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            self.seen[str(path.relative_to(self.store))].add((found.st_ino, found.st_mtime_ns))


def leftovers(store: Path) -> Iterator[Path]:
    """Folders of attempts that no artifact names."""
    for place in store.glob("*/*"):
        record = place / "artifact.json"
        named = json.loads(record.read_text())["folder"] if record.exists() else None
        yield from (one for one in place.iterdir() if one.is_dir() and one.name != named)


def poison(store: Path) -> int:
    """Overwrite every file that killed writers left: whoever reads one fails. Returns how many."""
    files = [path for folder in leftovers(store) for path in folder.rglob("*") if path.is_file()]
    for path in files:
        path.write_bytes(b"left by a killed writer; nobody reads this")
    return len(files)
