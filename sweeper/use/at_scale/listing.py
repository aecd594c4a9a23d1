"""List the images below a local folder or the prefix of a bucket, and divide them into parts.

A part is what one task predicts and one Parquet file holds. Its name is a hash of its files, with
their sizes and times, and of everything else that the predictions depend on. So a finished part is
known by its name: a run that goes on skips it, and changed files make other parts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs

from datasets.errors import DataError
from datasets.layout.file_kinds import IMAGE_SUFFIXES, UNREAD_SUFFIXES, is_seen, suffix_of
from sweeper.errors import StoreError
from sweeper.store.address import is_remote, open_address
from sweeper.use.new_images import image_files

IMAGES_PER_PART = 256


@dataclass(frozen=True)
class Listed:
    """An image file: its path in the file system, and how the user knows it."""

    path: str
    shown: str
    size: int
    changed_ns: int


@dataclass(frozen=True)
class Source:
    """Image files of one file system, in order."""

    filesystem: pafs.FileSystem
    files: Sequence[Listed]

    @property
    def is_local(self) -> bool:
        return isinstance(self.filesystem, pafs.LocalFileSystem)


@dataclass(frozen=True)
class Part:
    """Some files of a source; `name` is that of its Parquet file."""

    name: str
    files: Sequence[Listed]


def list_images(addresses: Sequence[str | Path]) -> Source:
    """The images below local files and folders, or below one address such as s3://bucket/prefix.

    Raises DataError: no image, or addresses of several kinds; nothing can be read there.
    """
    remote = [one for one in map(str, addresses) if is_remote(one)]
    if not remote:
        local = [_local(path) for path in image_files([Path(one) for one in addresses])]
        return Source(pafs.LocalFileSystem(), local)
    if len(addresses) > 1:
        raise DataError(f"image '{remote[0]}': a bucket is predicted alone; name nothing else")
    return _of_bucket(remote[0])


def parts_of(source: Source, depends_on: Mapping[str, Any]) -> Iterator[Part]:
    """Divide the files; `depends_on`: whatever else the predictions depend on, as plain values."""
    about = json.dumps(depends_on, sort_keys=True)
    for start in range(0, len(source.files), IMAGES_PER_PART):
        files = source.files[start : start + IMAGES_PER_PART]
        content = json.dumps([(one.shown, one.size, one.changed_ns) for one in files])
        digest = hashlib.sha256(f"{about}\n{content}".encode()).hexdigest()
        yield Part(f"part-{digest[:24]}.parquet", files)


def _local(path: Path) -> Listed:
    try:
        status = path.stat()
    except OSError:  # reported when it is read
        return Listed(str(path.absolute()), str(path), 0, 0)
    return Listed(str(path.absolute()), str(path), status.st_size, status.st_mtime_ns)


def _of_bucket(address: str) -> Source:
    try:
        filesystem, root = open_address(address, writable=False)
        infos = filesystem.get_file_info(pafs.FileSelector(root, recursive=True))
    except StoreError as error:
        raise DataError(f"image {str(error).removeprefix('store ')}") from None
    scheme = address.partition("://")[0]
    files = [
        Listed(info.path, f"{scheme}://{info.path}", info.size, info.mtime_ns or 0)
        for info in infos
        if info.type == pafs.FileType.File
        and all(map(is_seen, info.path.split("/")))
        and suffix_of(info.base_name) in IMAGE_SUFFIXES | UNREAD_SUFFIXES
    ]
    if not files:
        raise DataError(f"image '{address}': no image files below it; choose another prefix")
    return Source(filesystem, sorted(files, key=lambda one: one.path))
