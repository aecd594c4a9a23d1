"""Quarantine damaged artifacts: move them out of use, but keep them for inspection.

They go to `damaged/<kind>/<key>/<attempt>/`. Only the folder of files is moved; its `artifact.json`
stays, and an artifact without its folder counts as missing. So there is no race with a writer that
rebuilds the artifact.
"""

from __future__ import annotations

import contextlib

import pyarrow.fs as pafs

from sweeper.store.commit import is_object_store, write
from sweeper.store.sums import sizes_in

DAMAGED = "damaged"


def quarantine(filesystem: pafs.FileSystem, source: str, target: str, record: bytes) -> bool:
    """Move the folder or file at `source`, and save its artifact.json (`record`) beside it.

    Returns False if another process was first.
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
    with contextlib.suppress(OSError):  # a full disk: the move is what matters
        write(filesystem, f"{parent}/{name}.json", record)
    return moved


def _move_objects(filesystem: pafs.FileSystem, source: str, target: str) -> bool:
    """Move object by object, as an object store cannot rename folders."""
    if filesystem.get_file_info(source).is_file:
        filesystem.move(source, target)
        return True
    names = sizes_in(filesystem, source)
    for name in names:
        with contextlib.suppress(FileNotFoundError):  # another process moves it too
            filesystem.move(f"{source}/{name}", f"{target}/{name}")
    if filesystem.get_file_info(source).type == pafs.FileType.Directory:
        filesystem.delete_dir(source)
    return bool(names)
