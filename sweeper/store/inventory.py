"""What lies in a store: artifacts, what is damaged, what is left over; and removing it.

One listing of the whole store is taken, whose times tell old from new: files that no
`artifact.json` names are those of a writer who was killed, of an artifact that was replaced, or of
a writer at work. The last are young, and nothing young is ever removed.
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

SAFE_HOURS = 24.0  # a file younger than that may be of a writer at work
_KEPT = "artifact.json"


@dataclass
class Files:
    """Files that belong together, below one folder or alone."""

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
    """An artifact with the files that lie in its folder. `problem`: what is wrong with them."""

    kind: str
    key: str
    files: Files
    artifact: Artifact | None
    problem: str = ""


@dataclass(frozen=True)
class Leftover:
    """Files that no run reads: their folder or path in the store, and why they are there."""

    path: str
    files: Files
    why: str


class Inventory:
    """One look at a whole store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.entries: list[Entry] = []
        self.leftovers: list[Leftover] = []
        self.looked = time.time()
        places, self._aside, strays = self._listed()
        for (kind, key), attempts in sorted(places.items()):
            self._look(kind, key, attempts)
        self.leftovers += [Leftover(path, files, "set aside") for path, files in self._aside]
        self.leftovers += [Leftover(path, files, "left over") for path, files in strays]

    def kinds(self) -> Iterator[tuple[str, list[Entry]]]:
        """The artifacts of each kind that there is."""
        for kind in KINDS:
            if entries := [entry for entry in self.entries if entry.kind == kind]:
                yield kind, entries

    def damaged(self) -> Iterator[tuple[Entry, str]]:
        """Artifacts that are not as they were written, by the hashes of all their files."""
        for entry in self.entries:
            if why := entry.problem or self._altered(entry):
                yield entry, why

    def old(self, hours: float) -> list[Leftover]:
        """What is left over and has not been touched for that long."""
        return [one for one in self.leftovers if self.is_old(one.files, hours)]

    def unreferred(self, keys: Collection[tuple[str, str]], hours: float) -> list[Entry]:
        """Artifacts that are none of `keys` and were not written just now."""
        return [
            entry
            for entry in self.entries
            if (entry.kind, entry.key) not in keys and self.is_old(entry.files, hours)
        ]

    def is_old(self, files: Files, hours: float) -> bool:
        return self.looked - files.newest >= hours * 3600

    def remove(self, leftovers: Iterable[Leftover], entries: Iterable[Entry]) -> None:
        """Delete them; of an artifact first what makes it visible. One that has become visible
        since the store was looked at stays."""
        for entry in entries:
            place = f"{self.store.root}/{entry.kind}/{entry.key}"
            self._delete(f"{place}/{_KEPT}")
            self._delete(entry.artifact.folder if entry.artifact else place)
            self._delete_empty(place)
        for one in leftovers:
            kind, _, rest = one.path.partition("/")
            key, _, attempt = rest.partition("/")
            if kind in KINDS and self.store.is_visible(kind, key, attempt):
                continue
            self._delete(f"{self.store.root}/{one.path}")
            self._delete_empty(f"{self.store.root}/{one.path}".rpartition("/")[0])

    def _listed(
        self,
    ) -> tuple[
        dict[tuple[str, str], dict[str, Files]],
        list[tuple[str, Files]],
        list[tuple[str, Files]],
    ]:
        """All files: by artifact and attempt, those set aside, and those that belong nowhere."""
        root, filesystem = self.store.root, self.store.filesystem
        places: dict[tuple[str, str], dict[str, Files]] = {}
        aside: dict[str, Files] = {}
        strays: dict[str, Files] = {}
        for info in filesystem.get_file_info(pafs.FileSelector(root, recursive=True)):
            if not info.is_file:
                continue
            path = info.path[len(root) + 1 :].split("/")
            if path[0] in KINDS and len(path) > 2:
                attempts = places.setdefault((path[0], path[1]), {})
                attempts.setdefault(path[2], Files()).add("/".join(path[3:]), info)
            elif path[0] == DAMAGED:
                aside.setdefault("/".join(path[:3]), Files()).add("/".join(path[3:]), info)
            elif path[0].startswith(".writable-"):
                strays.setdefault(path[0], Files()).add("", info)
        return places, sorted(aside.items()), sorted(strays.items())

    def _look(self, kind: str, key: str, attempts: dict[str, Files]) -> None:
        """Enter what lies in one artifact's place."""
        attempts = dict(attempts)
        own = attempts.pop(_KEPT, None)
        if own is not None:
            entry = self._entry(kind, key, own, attempts)
            self.entries.append(entry)
            if entry.artifact:
                attempts.pop(entry.artifact.attempt, None)
        self.leftovers += [
            Leftover(f"{kind}/{key}/{name}", files, "left over")
            for name, files in sorted(attempts.items())
        ]

    def _entry(self, kind: str, key: str, own: Files, attempts: dict[str, Files]) -> Entry:
        place = f"{self.store.root}/{kind}/{key}"
        try:
            data = self.store.read_file(f"{place}/{_KEPT}")
            artifact = Artifact.from_json(kind, key, place, data)
        except (ValueError, FileNotFoundError) as error:
            return Entry(kind, key, own, None, str(error))
        files = attempts.get(artifact.attempt, Files(newest=own.newest))
        return Entry(kind, key, files, artifact, artifact.differences(files.sizes))

    def _altered(self, entry: Entry) -> str:
        assert entry.artifact is not None
        wanted = entry.artifact.files or {}
        found = sums_in(self.store.filesystem, entry.artifact.folder, wanted)
        altered = sorted(name for name in wanted if found[name] != wanted[name])
        return f"{altered[0]} is not as it was written" if altered else ""

    def _delete(self, path: str) -> None:
        filesystem = self.store.filesystem
        with contextlib.suppress(FileNotFoundError):
            if filesystem.get_file_info(path).is_file:
                filesystem.delete_file(path)
            else:
                filesystem.delete_dir(path)

    def _delete_empty(self, folder: str) -> None:
        """A folder that holds nothing any more, not even folders."""
        selector = pafs.FileSelector(folder, allow_not_found=True)
        if not self.store.filesystem.get_file_info(selector):
            self._delete(folder)
