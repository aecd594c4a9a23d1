"""A place where images lie: files of any file system that pyarrow opens, and what kind they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa
from pyarrow.fs import FileSelector, FileSystem, LocalFileSystem

from datasets.layout.file_kinds import IMAGE_SUFFIXES, is_seen, suffix_of

TABLES = frozenset({".parquet", ".arrow"})
TARS = frozenset({".tar", ".tgz", ".tar.gz"})

Kind = Literal["folder", "table", "tar", "zip"]


class PlacedFile(NamedTuple):
    """A file as its file system describes it; `changed_ns`: all that it knows of changes."""

    path: str  # relative to the place, with `/`
    size: int
    changed_ns: tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """Files below a folder, or one file in it, sorted; without hidden ones and those below the
    folder `without` of the same file system."""

    filesystem: FileSystem
    folder: str
    files: tuple[PlacedFile, ...]
    is_file: bool
    without: str = ""

    def listed_again(self) -> Place:
        """The place as it is now. Raises OSError."""
        path = f"{self.folder}/{self.files[0].path}" if self.is_file else self.folder
        return place_at(self.filesystem, path, self.is_file, self.without)

    def open(self, path: str) -> pa.NativeFile:
        """A file of the place, at its beginning; it can be read from anywhere."""
        return self.filesystem.open_input_file(f"{self.folder}/{path}")

    def of_kind(self, suffixes: frozenset[str]) -> list[PlacedFile]:
        """Its files with one of these extensions."""
        return [file for file in self.files if suffix_of(file.path) in suffixes]


def place_at(filesystem: FileSystem, path: str, is_file: bool, without: str = "") -> Place:
    """The file or folder at a path of a file system. Raises OSError if it cannot be listed."""
    folder, _, name = path.rpartition("/")
    if isinstance(filesystem, LocalFileSystem):
        folder = folder if is_file else path
        files = [_local(folder, one) for one in ([name] if is_file else local_files(folder))]
    elif is_file:
        info = filesystem.get_file_info(path)
        files = [PlacedFile(name, info.size, (info.mtime_ns or 0,))]
    else:
        folder = path
        infos = filesystem.get_file_info(FileSelector(path, recursive=True))
        start = len(path) + 1
        files = [
            PlacedFile(info.path[start:], info.size, (info.mtime_ns or 0,))
            for info in infos
            if info.is_file and all(map(is_seen, info.path[start:].split("/")))
        ]
    files = [one for one in files if not without or not _is_below(f"{folder}/{one.path}", without)]
    return Place(filesystem, folder, tuple(sorted(files)), is_file, without)


def local_files(folder: str) -> Iterator[str]:
    """The paths of the files below a local folder, relative to it, without hidden ones."""
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(filter(is_seen, folders))
        for name in sorted(filter(is_seen, names)):
            yield Path(at, name).relative_to(folder).as_posix()


def kind_of(paths: Iterable[str]) -> Kind:
    """What files are: single images, a table or tar files with images in them, or a zip file.

    One file with the extension of an image makes them a folder of images; nothing after it is read.
    """
    found: list[Kind] = []
    for path in paths:
        suffix = suffix_of(path)
        if suffix in IMAGE_SUFFIXES:
            return "folder"
        if suffix in TABLES:
            found.append("table")
        elif suffix in TARS:
            found.append("tar")
        elif suffix == ".zip":
            found.append("zip")
    kinds: tuple[Kind, ...] = ("table", "tar", "zip")
    return next((kind for kind in kinds if kind in found), "folder")


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _local(folder: str, path: str) -> PlacedFile:
    status = os.stat(os.path.join(folder, path))
    return PlacedFile(path, status.st_size, (status.st_mtime_ns, status.st_ctime_ns))
