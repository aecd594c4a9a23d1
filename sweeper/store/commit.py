"""The one last write that makes an artifact visible, whole or not at all, on disks and in S3.

On a local disk everything is flushed first, so that a loss of power cannot leave a visible artifact
whose files are empty. An object store has no rename, and needs none: an object is there whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow.fs as pafs


def publish(filesystem: pafs.FileSystem, scratch: str, path: str, data: bytes) -> None:
    """Put `data` at `path` at once; `scratch` is a path beside it to write to first."""
    if is_object_store(filesystem):
        write(filesystem, path, data)
        return
    write(filesystem, scratch, data)
    flush(filesystem, [scratch])
    filesystem.move(scratch, path)


def write(filesystem: pafs.FileSystem, path: str, data: bytes) -> None:
    """One file."""
    with filesystem.open_output_stream(path) as stream:
        stream.write(data)


def flush(filesystem: pafs.FileSystem, paths: Iterable[str]) -> None:
    """Wait until files or folders are on the disk; nothing to do elsewhere."""
    if isinstance(filesystem, pafs.LocalFileSystem):
        for path in paths:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def folders_of(folder: str, names: Iterable[str]) -> list[str]:
    """The folder, and those below it that the files `names` lie in."""
    return sorted({str(Path(folder, name).parent) for name in names} | {folder})


def is_object_store(filesystem: pafs.FileSystem) -> bool:
    """Whether there are objects only: no folders, no rename."""
    return filesystem.type_name in ("s3", "gcs", "abfs")
