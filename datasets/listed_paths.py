"""Look up the image files that a user's table names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath


def composed(text: str) -> str:
    """The text in Unicode's composed form, without surrounding spaces."""
    return unicodedata.normalize("NFC", text).strip()


class ListedPaths:
    """The paths of image files, in any Unicode form: file systems differ in how they store é."""

    def __init__(self, paths: Iterable[str], root: Path, beside: Path) -> None:
        """`root`: the folder that `paths` are relative to; `beside`: that of the user's table."""
        self._exact = set(paths)
        self._root, self._beside = root, beside
        self._alike: dict[str, list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        for path in sorted(self._exact):
            self._alike.setdefault(composed(path), []).append(path)
            name = PurePosixPath(composed(path))
            for known in (name.name, name.stem):
                self._by_name.setdefault(known, []).append(path)

    def find(self, path: str) -> str | None:
        """The file of a path that is relative to the root or to the table's folder; None for an
        unknown or ambiguous one."""
        plain = Path(path.replace("\\", "/")).as_posix()
        if found := self._spelled(plain):
            return found
        for base in (self._beside, self._root):
            try:
                relative = (base / plain).resolve().relative_to(self._root.resolve()).as_posix()
            except (ValueError, OSError):  # outside the root
                continue
            if found := self._spelled(relative):
                return found
        return None

    def named(self, name: str) -> list[str]:
        """The files of a name without folders, with or without its extension."""
        return list(dict.fromkeys(self._by_name.get(composed(name), [])))

    def _spelled(self, path: str) -> str | None:
        """The file system's spelling; None for an unknown or ambiguous path."""
        if path in self._exact:
            return path
        alike = self._alike.get(composed(path), [])
        return alike[0] if len(alike) == 1 else None
