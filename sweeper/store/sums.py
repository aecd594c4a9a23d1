"""Sizes and SHA-256 of an artifact's files, on any file system.

One thread hashes 1.4 to 2 GB per second on processors with SHA instructions; several files are
hashed concurrently.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.fs as pafs

from datasets.file_sums import FileSum

_THREADS = 4
_CHUNK = 4 << 20


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


def sums_of_folder(folder: Path) -> dict[str, FileSum]:
    """The sizes and hashes of all files below a folder of this machine, by relative path."""
    local = pafs.LocalFileSystem()
    return sums_in(local, str(folder), sizes_in(local, str(folder)))


def _sum(filesystem: pafs.FileSystem, path: str) -> FileSum:
    if isinstance(filesystem, pafs.LocalFileSystem):
        return FileSum.of_file(Path(path))
    digest, size = hashlib.sha256(), 0
    with filesystem.open_input_stream(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return FileSum(size, digest.hexdigest())
