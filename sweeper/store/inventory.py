"""List the contents of a store (artifacts, damage, leftovers) and remove what no run reads.

It is based on one listing of the whole store. Files that no `artifact.json` refers to belong to a
killed writer, to a replaced artifact, or to an active writer. The last ones are recent, and recent
files are never removed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow.fs as pafs

from sweeper.store.quarantine import DAMAGED
from sweeper.store.store import KINDS, Artifact, Store
from sweeper.store.sums import sums_in

SAFE_HOURS = 24.0  # a more recent file may belong to an active writer
_RECORD = "artifact.json"


@dataclass
class Files:
    """Files that belong together: those below a folder, or a single one."""

    sizes: dict[str, int] = field(default_factory=dict)
    newest: float = 0.0  # seconds since 1970

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())

    def add(self, name: str, info: pafs.FileInfo) -> None:
        self.sizes[name] = info.size
        self.newest = max(self.newest, info.mtime_ns / 1e9)


@dataclass(frozen=True)
class Entry:
    """An artifact with the files in its folder, and the `problem` with them, or ""."""

    kind: str
    key: str
    files: Files
    artifact: Artifact | None
    problem: str = ""


@dataclass(frozen=True)
class Leftover:
    """Files that no run reads: their folder or path in the store, and the reason."""

    path: str
    files: Files
    why: str


class Inventory:
    """A snapshot of the contents of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.entries: list[Entry] = []
        self.leftovers: list[Leftover] = []
        self.taken_at = time.time()
        places, quarantined, strays = self._listing()
        for (kind, key), attempts in sorted(places.items()):
            self._add(kind, key, attempts)
        self.leftovers += [Leftover(path, files, "quarantined") for path, files in quarantined]
        self.leftovers += [Leftover(path, files, "left over") for path, files in strays]

    def kinds(self) -> Iterator[tuple[str, list[Entry]]]:
        """The artifacts of each kind that is present."""
        for kind in KINDS:
            if entries := [entry for entry in self.entries if entry.kind == kind]:
                yield kind, entries

    def damaged(self) -> Iterator[tuple[Entry, str]]:
        """Damaged artifacts and the reasons, by comparing the hashes of all files."""
        for entry in self.entries:
            if why := entry.problem or self._altered(entry):
                yield entry, why

    def old(self, hours: float) -> list[Leftover]:
        """Leftovers that have not been modified for that long."""
        return [leftover for leftover in self.leftovers if self.is_old(leftover.files, hours)]

    def unreferenced(self, keys: Collection[tuple[str, str]], hours: float) -> list[Entry]:
        """Artifacts that are not among `keys` and have not been modified for that long."""
        return [
            entry
            for entry in self.entries
            if (entry.kind, entry.key) not in keys and self.is_old(entry.files, hours)
        ]

    def is_old(self, files: Files, hours: float) -> bool:
        return self.taken_at - files.newest >= hours * 3600

    def remove(self, leftovers: Iterable[Leftover], entries: Iterable[Entry]) -> None:
        """Delete leftovers and artifacts, of an artifact its artifact.json first.

        A leftover that has become a visible artifact since the listing is kept.
        """
        for entry in entries:
            place = f"{self.store.root}/{entry.kind}/{entry.key}"
            self._delete(f"{place}/{_RECORD}")
            self._delete(entry.artifact.folder if entry.artifact else place)
            self._delete_empty(place)
        for leftover in leftovers:
            kind, _, rest = leftover.path.partition("/")
            key, _, attempt = rest.partition("/")
            if kind in KINDS and self.store.is_visible(kind, key, attempt):
                continue
            path = f"{self.store.root}/{leftover.path}"
            self._delete(path)
            self._delete_empty(path.rpartition("/")[0])

    def _listing(
        self,
    ) -> tuple[
        dict[tuple[str, str], dict[str, Files]],
        list[tuple[str, Files]],
        list[tuple[str, Files]],
    ]:
        """All files: by artifact and attempt, quarantined ones, and strays."""
        root, filesystem = self.store.root, self.store.filesystem
        places: dict[tuple[str, str], dict[str, Files]] = {}
        quarantined: dict[str, Files] = {}
        strays: dict[str, Files] = {}
        for info in filesystem.get_file_info(pafs.FileSelector(root, recursive=True)):
            if not info.is_file:
                continue
            path = info.path[len(root) + 1 :].split("/")
            if path[0] in KINDS and len(path) > 2:
                attempts = places.setdefault((path[0], path[1]), {})
                attempts.setdefault(path[2], Files()).add("/".join(path[3:]), info)
            elif path[0] == DAMAGED:
                quarantined.setdefault("/".join(path[:3]), Files()).add("/".join(path[3:]), info)
            elif path[0].startswith(".writable-"):
                strays.setdefault(path[0], Files()).add("", info)
        return places, sorted(quarantined.items()), sorted(strays.items())

    def _add(self, kind: str, key: str, attempts: dict[str, Files]) -> None:
        """Add the files of one artifact as an entry and leftovers."""
        attempts = dict(attempts)
        record = attempts.pop(_RECORD, None)
        if record is not None:
            entry = self._entry(kind, key, record, attempts)
            self.entries.append(entry)
            if entry.artifact:
                attempts.pop(entry.artifact.attempt, None)
        self.leftovers += [
            Leftover(f"{kind}/{key}/{name}", files, "left over")
            for name, files in sorted(attempts.items())
        ]

    def _entry(self, kind: str, key: str, record: Files, attempts: dict[str, Files]) -> Entry:
        place = f"{self.store.root}/{kind}/{key}"
        try:
            data = self.store.read_file(f"{place}/{_RECORD}")
            artifact = Artifact.from_json(kind, key, place, data)
        except (ValueError, FileNotFoundError) as error:
            return Entry(kind, key, record, None, str(error))
        files = attempts.get(artifact.attempt, Files(newest=record.newest))
        return Entry(kind, key, files, artifact, artifact.differences(files.sizes))

    def _altered(self, entry: Entry) -> str:
        assert entry.artifact is not None
        expected = entry.artifact.files or {}
        found = sums_in(self.store.filesystem, entry.artifact.folder, expected)
        altered = sorted(name for name in expected if found[name] != expected[name])
        return f"{altered[0]} has changed since it was written" if altered else ""

    def _delete(self, path: str) -> None:
        filesystem = self.store.filesystem
        with contextlib.suppress(FileNotFoundError):
            if filesystem.get_file_info(path).is_file:
                filesystem.delete_file(path)
            else:
                filesystem.delete_dir(path)

    def _delete_empty(self, folder: str) -> None:
        """Delete a folder if it is empty."""
        selector = pafs.FileSelector(folder, allow_not_found=True)
        if not self.store.filesystem.get_file_info(selector):
            self._delete(folder)
