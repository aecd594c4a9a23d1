"""Sizes and SHA-256 of an artifact's files, on any file system.

One thread hashes 1.4 to 2 GB per second on processors with SHA instructions; several files are
hashed concurrently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pyarrow.fs as pafs

_THREADS = 4
_CHUNK = 4 << 20


class FileSum(NamedTuple):
    """The expected size and hash of a file."""

    size: int
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> FileSum:
        return cls(len(data), hashlib.sha256(data).hexdigest())

    @classmethod
    def of_file(cls, path: Path) -> FileSum:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            return cls(file.tell(), digest.hexdigest())


def sizes_in(filesystem: pafs.FileSystem, folder: str) -> dict[str, int]:
    """The sizes of all files below a folder, by relative path; empty if there is no folder."""
    infos = filesystem.get_file_info(
        pafs.FileSelector(folder, recursive=True, allow_not_found=True)
    )
    return {info.path[len(folder) + 1 :]: info.size for info in infos if info.is_file}


def sums_in(filesystem: pafs.FileSystem, folder: str, names: Iterable[str]) -> dict[str, FileSum]:
    """The sizes and hashes of the files `names` of a folder."""

    def sum_of(name: str) -> FileSum:
        return _sum(filesystem, f"{folder}/{name}")

    names = sorted(names)
    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(names, pool.map(sum_of, names), strict=True))


def _sum(filesystem: pafs.FileSystem, path: str) -> FileSum:
    if isinstance(filesystem, pafs.LocalFileSystem):
        return FileSum.of_file(Path(path))
    digest, size = hashlib.sha256(), 0
    with filesystem.open_input_stream(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return FileSum(size, digest.hexdigest())
