"""Remember the content hash of each file of a folder, so that unchanged files need not be read.

A listing is the relative path, the size, the time of the last write (mtime) and that of the last
change of any kind (ctime) of every file, and its artifact holds the hash of each file's bytes.

Two folders may agree in paths, sizes and mtimes and differ in content: archives and anonymisation
tools give all files one mtime, and uncompressed images of one shape one size. ctime keeps them
apart, because the system sets it and `cp -p`, `rsync`, `touch` and `unzip` cannot. Inodes would add
little and are unstable on network file systems. A copied folder therefore has a listing of its
own: its files are hashed once, but not decoded again (`descriptions`).

A file may change twice within the granularity of its times. A listing is therefore remembered only
once all its files have been left alone for `SETTLED_S`; until then files are hashed at every start.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.decoding.decode import read_file
from datasets.errors import DataError
from sweeper.errors import DamagedError
from sweeper.store.artifact import Target
from sweeper.store.records import parquet_bytes
from sweeper.store.store import Store

KIND = "listings"
SETTLED_S = 2.0  # FAT's and zip's times have steps of that
_VERSION = 1
_COMPARED = 8  # earlier listings in which a file is looked for
_WORKERS = 8


class FileState(NamedTuple):
    """A file as the file system describes it; `path` is relative to the folder of the images."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int


class Listing:
    """The files of a folder, and the hashes of their bytes as far as the store remembers them."""

    def __init__(self, root: str, paths: Sequence[str], store: Store) -> None:
        """Asks for the state of each file; one that is gone is left out."""
        self.root, self.store = root, store
        self._looked_ns = time.time_ns()
        self.files = [state for path in paths if (state := _state(root, path))]
        digest = hashlib.sha256(json.dumps(sorted(self.files)).encode()).hexdigest()
        self.target = Target(KIND, {"version": _VERSION, "files": digest})

    @property
    def key(self) -> str:
        return self.target.key

    def remembered(self) -> dict[str, str]:
        """The hash of the bytes by path, of files unchanged since this or an earlier listing."""
        own = self._read(self.key)
        if own is not None:
            return {state.path: one for state, one in own.items()}
        earlier: dict[FileState, str] = {}
        for key in self.store.keys(KIND)[:_COMPARED]:
            earlier = (self._read(key) or {}) | earlier  # the newest wins
        return {state.path: earlier[state] for state in self.files if state in earlier}

    def hashed(self, paths: Sequence[str]) -> dict[str, str]:
        """The hash of the bytes of files that can be read, by path. Decodes nothing."""
        with ThreadPoolExecutor(_WORKERS) as pool:
            hashes = pool.map(lambda path: _hash(Path(self.root, path)), paths)
            return {path: one for path, one in zip(paths, hashes, strict=True) if one}

    def remember(self, hashes: Mapping[str, str]) -> None:
        """Keep the hashes by path, if the files are settled and the store is writable."""
        if not self.store.writable or self._is_fresh() or self.store.find(KIND, self.key):
            return
        rows = [(*state, hashes[state.path]) for state in self.files if state.path in hashes]
        table = pd.DataFrame(rows, columns=[*FileState._fields, "content_hash"])
        with self.store.writing(*self.target.content) as folder:
            self.store.write_file(f"{folder}/hashes.parquet", parquet_bytes(table))

    def _is_fresh(self) -> bool:
        newest = max((max(one.mtime_ns, one.ctime_ns) for one in self.files), default=0)
        return self._looked_ns - newest < SETTLED_S * 1e9

    def _read(self, key: str) -> dict[FileState, str] | None:
        artifact = self.store.find(KIND, key)
        with suppress(DamagedError):
            if artifact:
                data = self.store.read(artifact, "hashes.parquet")
                rows = pq.read_table(pa.BufferReader(data)).to_pandas().itertuples(index=False)
                return {FileState(*state): str(one) for *state, one in rows}
        return None


def _state(root: str, path: str) -> FileState | None:
    """Of what a link leads to, where the file is one."""
    with suppress(OSError):
        status = os.stat(os.path.join(root, path))
        return FileState(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return None


def _hash(path: Path) -> str:
    """sha256 (hex) of the bytes, "" if they cannot be read."""
    with suppress(DataError):
        return hashlib.sha256(read_file(path)).hexdigest()
    return ""
