"""The store of artifacts; the state of a run is always read from it.

An artifact is a folder `<kind>/<key>/`. Its key is a hash of everything that determines it; its
files are in a subfolder referenced by its `artifact.json`, which is written last and atomically. So
a reader sees a complete artifact or none, nothing from a killed writer is ever read, and of two
writers one wins, while readers of the other's files can finish. The same code serves a local folder
and `s3://bucket/prefix`.

`artifact.json` lists every file with its size and SHA-256, both taken by whoever writes the bytes:
nothing is read back from a bucket to be hashed. Sizes are compared whenever an artifact
is looked up, hashes whenever a file is read (`read`), or all at once (`verified`). A damaged
artifact is quarantined, reported in one line and treated as missing, so that it is rebuilt when
needed.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs

from datasets.file_sums import FileSum
from sweeper.errors import DamagedError, StoreError
from sweeper.store.address import is_remote, open_address
from sweeper.store.artifact import key_of
from sweeper.store.commit import flush, folders_of, is_object_store, publish, write
from sweeper.store.quarantine import DAMAGED, quarantine
from sweeper.store.refusals import refusal
from sweeper.store.sums import sizes_in, sums_in
from sweeper.threads import Item, Result, results_of

KINDS = (
    "images",
    "listings",
    "descriptions",
    "tags",
    "duplicates",
    "shards",
    "splits",
    "backbones",
    "pooled",
    "prefix",
    "checkpoints",
    "trials",
    "evaluations",
    "explanations",
    "map_checks",
    "seed_agreements",
    "robustness",
)
_PASSING = ("checkpoints",)  # nothing is rebuilt where one is lost
_FETCHED = ("pooled", "prefix")  # large; machines without the store's disk hash their own copy
CONCURRENT_READS = 32
_ATTEMPT = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Artifact:
    """A finished artifact: its folder, its inputs, and the sizes and hashes of its files."""

    kind: str
    key: str
    folder: str
    made_from: dict[str, Any]
    info: dict[str, Any]
    files: dict[str, FileSum] | None  # None: written by a version without hashes

    @classmethod
    def from_json(cls, kind: str, key: str, place: str, data: bytes) -> Artifact:
        """Parse an artifact.json. Raises ValueError if it is not one of this key."""
        try:
            record = json.loads(data)
            files, made_from = record.get("files"), record["made_from"]
            if files is not None:
                files = {str(name): FileSum(*values) for name, values in files.items()}
            attempt, info = record["folder"], dict(record["info"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError("artifact.json cannot be read") from None
        if key_of(made_from) != key or not _ATTEMPT.fullmatch(str(attempt)):
            raise ValueError("artifact.json belongs to another artifact")
        return cls(kind, key, f"{place}/{attempt}", made_from, info, files)

    @property
    def attempt(self) -> str:
        """The name of its folder."""
        return self.folder.rpartition("/")[2]

    def differences(self, found: Mapping[str, int]) -> str:
        """Describe the first difference from the sizes found, or ""."""
        if self.files is None:
            return ""
        for name, expected in self.files.items():
            if name not in found:
                return f"{name} is missing"
            if found[name] != expected.size:
                return f"{name} has {found[name]} bytes instead of {expected.size}"
        extra = sorted(set(found) - set(self.files))
        return f"{extra[0]} is not one of its files" if extra else ""


class Store:
    """A store at a local folder or an object-store address. Small and picklable."""

    def __init__(self, address: str, *, writable: bool = True) -> None:
        """Open a store; `writable=False` for reading a store that may be write-protected.

        Raises StoreError if the address is invalid, or the store cannot be written to (read).
        """
        self.filesystem, self.root = _open(address, writable=writable)
        self.writable = writable
        self.address = address if is_remote(address) else self.root
        self._verified: set[str] = set()  # folders whose hashes this process has compared
        self._sums: dict[str, dict[str, FileSum]] = {}  # of the files of folders being written

    def find(self, kind: str, key: str) -> Artifact | None:
        """The artifact, or None if it is missing or incomplete; compares sizes, not hashes."""
        place = self._place(kind, key)
        with self._refusals("read from"):
            try:
                data = self.read_file(f"{place}/artifact.json")
            except FileNotFoundError:
                return None
            try:
                artifact = Artifact.from_json(kind, key, place, data)
            except ValueError as error:
                self._quarantine(kind, key, f"{place}/artifact.json", data, str(error))
                return None
            found = sizes_in(self.filesystem, artifact.folder)
        if artifact.files and not found:
            return None  # quarantined or removed
        if why := artifact.differences(found):
            self._quarantine(kind, key, artifact.folder, data, why)
            return None
        return artifact

    def get(self, kind: str, key: str) -> Artifact:
        """The artifact; KeyError if it is missing."""
        artifact = self.find(kind, key)
        if artifact is None:
            raise KeyError(f"{kind}/{key} is not in the store {self.address}")
        return artifact

    def keys(self, kind: str) -> list[str]:
        """The keys of all artifacts of a kind, those written last first."""
        place = f"{self.root}/{kind}"
        with self._refusals("read from"):
            infos = self.filesystem.get_file_info(
                pafs.FileSelector(place, recursive=True, allow_not_found=True)
            )
        records = [info for info in infos if info.base_name == "artifact.json"]
        records.sort(key=lambda info: (-info.mtime_ns, info.path))
        return [info.path.split("/")[-2] for info in records]

    def is_visible(self, kind: str, key: str, attempt: str) -> bool:
        """Whether the visible artifact is the one written by this attempt."""
        artifact = self.find(kind, key)
        return artifact is not None and artifact.attempt == attempt

    def verified(self, kind: str, key: str) -> Artifact | None:
        """The artifact, or None if it is missing or damaged; compares hashes once per process.

        Activation tables in a remote store are verified by the machines that fetch them
        (`check_copy`).
        """
        artifact = self.find(kind, key)
        if artifact is None or artifact.folder in self._verified:
            return artifact
        if not (is_remote(self.address) and kind in _FETCHED):
            try:
                self.check(artifact)
            except DamagedError:
                return None
        self._verified.add(artifact.folder)
        return artifact

    def check(self, artifact: Artifact) -> None:
        """Compare the hashes of all files; quarantine a damaged artifact and raise DamagedError."""
        with self._refusals("read from"):
            try:
                found = sums_in(self.filesystem, artifact.folder, artifact.files or ())
            except FileNotFoundError as error:
                name = Path(str(error.filename)).name
                raise self._damaged(artifact, f"{name} is missing") from None
        self._compare(artifact, found)

    def check_copy(self, artifact: Artifact, folder: Path) -> None:
        """Compare the files of a local copy as `check` does those in the store."""
        local = {name: folder / name for name in artifact.files or () if (folder / name).is_file()}
        found = {name: FileSum.of_file(path) for name, path in local.items()}
        self._compare(artifact, found)

    def read(self, artifact: Artifact, name: str) -> bytes:
        """Read one file of an artifact. Quarantines a damaged artifact and raises DamagedError."""
        with self._refusals("read from"):
            try:
                data = self.read_file(f"{artifact.folder}/{name}")
            except FileNotFoundError:
                raise self._damaged(artifact, f"{name} is missing") from None
        if artifact.files is not None:
            expected = artifact.files.get(name)
            if expected is None:
                raise self._damaged(artifact, f"{name} is not one of its files")
            if FileSum.of(data) != expected:
                raise self._damaged(artifact, f"{name} has changed since it was written")
        return data

    @contextmanager
    def writing(
        self, kind: str, made_from: Mapping[str, Any], info: Mapping[str, Any] | None = None
    ) -> Iterator[str]:
        """Yield a folder for an artifact's files; the artifact becomes visible after the block.

        `info`: details that do not determine the artifact; may be filled within the block. Files
        written other than by `write_file` are announced by `add_sums`; a file that is not is read
        again to be hashed. Raises StoreError if the disk refuses. On any error the files are
        removed, unless the artifact is visible already: an interrupt may come right after the last
        write, and S3 may have completed a request without a response.
        """
        place = self._place(kind, key_of(made_from))
        attempt = uuid.uuid4().hex[:12]
        folder = f"{place}/{attempt}"
        self._sums[folder] = {}
        with self._refusals("written to"):
            try:
                if not is_object_store(self.filesystem):
                    self.filesystem.create_dir(folder, recursive=True)
                yield folder
                files = self._finished(folder)
                record = {"kind": kind, "folder": attempt, "made_from": dict(made_from)}
                record |= {"info": dict(info or {}), "files": dict(sorted(files.items()))}
                data = json.dumps(record, indent=1).encode()
                scratch = f"{folder}/.artifact.json"
                publish(self.filesystem, scratch, f"{place}/artifact.json", data)
            except BaseException:
                with contextlib.suppress(OSError, StoreError):
                    if not self.is_visible(kind, key_of(made_from), attempt):
                        self.filesystem.delete_dir(folder)
                raise
            finally:
                del self._sums[folder]
            flush(self.filesystem, [place, f"{self.root}/{kind}", self.root])

    def each(self, read: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Compute `read(item)` for every item, in order; concurrently for a remote store.

        A remote request takes 10 to 50 ms, and a record needs five.
        """
        if is_remote(self.address) and CONCURRENT_READS > 1:
            return results_of(read, items, CONCURRENT_READS)
        return [read(item) for item in items]

    def write_file(self, path: str, data: bytes) -> None:
        """Write one file of an artifact within `writing`."""
        write(self.filesystem, path, data)
        for folder in [one for one in self._sums if path.startswith(f"{one}/")]:
            self.add_sums(folder, {path.removeprefix(f"{folder}/"): FileSum.of(data)})

    def add_sums(self, folder: str, sums: Mapping[str, FileSum]) -> None:
        """Announce files in a folder of `writing` by those who wrote them, by relative path."""
        self._sums[folder].update(sums)

    def remove_files(self, artifact: Artifact) -> None:
        """Remove the files of an artifact that another one of the same key has replaced, and that
        nobody is reading."""
        with self._refusals("written to"), contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_dir(artifact.folder)

    def discard(self, kind: str, key: str) -> None:
        """Remove an artifact that nobody needs any more, its artifact.json first."""
        place = self._place(kind, key)
        with self._refusals("written to"), contextlib.suppress(FileNotFoundError):
            self.filesystem.delete_file(f"{place}/artifact.json")
            self.filesystem.delete_dir(place)

    def read_file(self, path: str) -> bytes:
        """Read a file without comparing its hash; see `read`."""
        with self.filesystem.open_input_stream(path) as stream:
            data: bytes = stream.read()
        return data

    def damaged(self) -> set[tuple[str, str]]:
        """Kind and key of quarantined artifacts that have not been rebuilt."""
        root = f"{self.root}/{DAMAGED}"
        names = {tuple(name.split("/")[:2]) for name in sizes_in(self.filesystem, root)}
        kinds = [kind for kind in KINDS if kind not in _PASSING]
        return {(kind, key) for kind, key in names if kind in kinds and not self.find(kind, key)}

    def _finished(self, folder: str) -> dict[str, FileSum]:
        """Flush the files of an artifact to the disk and return their sums."""
        names, announced = {*sizes_in(self.filesystem, folder)}, self._sums[folder]
        files = {name: announced[name] for name in names & {*announced}}
        files |= sums_in(self.filesystem, folder, names - {*announced})
        flush(self.filesystem, [f"{folder}/{name}" for name in files])
        flush(self.filesystem, folders_of(folder, files))
        return files

    def _compare(self, artifact: Artifact, found: Mapping[str, FileSum]) -> None:
        for name, expected in (artifact.files or {}).items():
            if found.get(name) != expected:
                raise self._damaged(artifact, f"{name} has changed since it was written")

    def _damaged(self, artifact: Artifact, why: str) -> DamagedError:
        kind, key = artifact.kind, artifact.key
        try:
            data = self.read_file(f"{self._place(kind, key)}/artifact.json")
        except FileNotFoundError:
            data = b""
        self._quarantine(kind, key, artifact.folder, data, why)
        return DamagedError(f"{kind}/{key} was damaged ({why})")

    def _quarantine(self, kind: str, key: str, source: str, record: bytes, why: str) -> None:
        name = source.rpartition("/")[2]
        name = name if name != "artifact.json" else f"unreadable-{uuid.uuid4().hex[:12]}"
        target = f"{self.root}/{DAMAGED}/{kind}/{key}/{name}"
        with self._refusals("written to"):
            if quarantine(self.filesystem, source, target, record):
                print(
                    f"damaged: {kind}/{key}: {why}; it is rebuilt, and the damaged copy is kept in "
                    f"{DAMAGED}/{kind}/{key} of the store",
                    file=sys.stderr,
                    flush=True,
                )

    @contextmanager
    def _refusals(self, cannot_be: str) -> Iterator[None]:
        """Convert refusals of the disk or the object store to StoreError."""
        try:
            yield
        except (StoreError, DamagedError):
            raise
        except Exception as error:
            if reason := refusal(error):
                line = f"store '{self.address}': cannot be {cannot_be} ({reason})"
                raise StoreError(line) from None
            raise

    def _place(self, kind: str, key: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r}: expected one of {', '.join(KINDS)}")
        return f"{self.root}/{kind}/{key}"


_open = open_address
