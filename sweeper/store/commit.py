"""Commit an artifact by one last, atomic write, on disks and in object stores.

On a local disk everything is flushed first, so that a power failure cannot leave a visible artifact
with empty files. An object store has no rename and needs none: objects appear whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow.fs as pafs


def publish(filesystem: pafs.FileSystem, scratch: str, path: str, data: bytes) -> None:
    """Write `data` to `path` atomically; `scratch` is a temporary path beside it."""
    if is_object_store(filesystem):
        write(filesystem, path, data)
        return
    write(filesystem, scratch, data)
    flush(filesystem, [scratch])
    filesystem.move(scratch, path)


def write(filesystem: pafs.FileSystem, path: str, data: bytes) -> None:
    """Write one file."""
    with filesystem.open_output_stream(path) as stream:
        stream.write(data)


def flush(filesystem: pafs.FileSystem, paths: Iterable[str]) -> None:
    """Wait until files or folders are on the disk; does nothing on other file systems."""
    if isinstance(filesystem, pafs.LocalFileSystem):
        for path in paths:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def folders_of(folder: str, names: Iterable[str]) -> list[str]:
    """The folder, and its subfolders that contain the files `names`."""
    return sorted({str(Path(folder, name).parent) for name in names} | {folder})


def is_object_store(filesystem: pafs.FileSystem) -> bool:
    """Whether the file system has objects only: no folders, no rename."""
    return filesystem.type_name in ("s3", "gcs", "abfs")
