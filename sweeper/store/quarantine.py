"""Damaged artifacts: moved out of the way, kept for the user to look at.

They go to `damaged/<kind>/<key>/<attempt>/`. What moves is the folder of files; the `artifact.json`
that named it stays, and an artifact whose folder is gone is not there. So there is nothing to race
for with a writer who makes the artifact anew.
"""

from __future__ import annotations

import contextlib

import pyarrow.fs as pafs

from sweeper.store.commit import is_object_store, write
from sweeper.store.sums import sizes_in

DAMAGED = "damaged"


def set_aside(filesystem: pafs.FileSystem, source: str, target: str, record: bytes) -> bool:
    """Move a folder, or the one file that is at `source`, with the artifact.json that named it.

    False where another process has been first.
    """
    parent, _, name = target.rpartition("/")
    filesystem.create_dir(parent, recursive=True)
    try:
        if is_object_store(filesystem):
            moved = _move_objects(filesystem, source, target)
        else:
            filesystem.move(source, target)
            moved = True
    except FileNotFoundError:
        return False
    with contextlib.suppress(OSError):  # a full disk: what matters is out of the way
        write(filesystem, f"{parent}/{name}.json", record)
    return moved


def _move_objects(filesystem: pafs.FileSystem, source: str, target: str) -> bool:
    """Object by object: there are no folders to rename."""
    if filesystem.get_file_info(source).is_file:
        filesystem.move(source, target)
        return True
    names = sizes_in(filesystem, source)
    for name in names:
        with contextlib.suppress(FileNotFoundError):  # another process is at the same
            filesystem.move(f"{source}/{name}", f"{target}/{name}")
    if filesystem.get_file_info(source).type == pafs.FileType.Directory:
        filesystem.delete_dir(source)
    return bool(names)
