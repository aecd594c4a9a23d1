"""Read the images of tar files: WebDataset shards, or packed folders of class folders.

In a WebDataset, consecutive members with one key are a sample: `0001.jpg`, `0001.cls` and
`0001.json` are an image, its class and what else is known of it. The key ends at the first dot of
the file's name.
"""

from __future__ import annotations

import io
import json
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa

from datasets.containers.image_files import EncodedImage, safe_path
from datasets.containers.place import TARS, Place
from datasets.decoding.dicom_detection import HEADER_BYTES
from datasets.decoding.limits import MAX_BYTES
from datasets.errors import DataError
from datasets.layout.file_kinds import (
    IMAGE_SUFFIXES,
    is_image_content,
    is_seen,
    needs_content_check,
    suffix_of,
    unread_problem,
)
from datasets.layout.folder_names import named

CLASS = "cls"
_TEXTS = ("cls", "txt", "label", "class")  # members with a single value
_BUFFER = 8 << 20  # bytes asked of a bucket at once
_BLOCK = tarfile.BLOCKSIZE
_DAMAGED = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError)


class _Member(NamedTuple):
    path: str
    data: bytes

    @property
    def key(self) -> str:
        folder, _, name = self.path.rpartition("/")
        return f"{folder}/{name.partition('.')[0]}"

    @property
    def field(self) -> str:
        """What follows the key: `jpg`, `cls`, `left.png`."""
        return PurePosixPath(self.path).name.partition(".")[2].lower()


@dataclass
class TarImages:
    """The images of the tar files of a place, in order; `others`: what is not read, once it is."""

    place: Place
    image_column: str | None = None
    others: list[str] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)

    def images(self) -> Iterator[EncodedImage]:
        """All images. Raises DataError for a damaged file, a link, a name that leads outside, or a
        sample with several images of which `image_column` chooses none."""
        for file in self.place.of_kind(TARS):
            with _undamaged(file.path):
                for key, members in groupby(self._members(file.path), lambda one: one.key):
                    yield from self._sample(key.lstrip("/"), list(members))

    def _members(self, path: str) -> Iterator[_Member]:
        """The files of a tar that are images or tell of them."""
        with (
            self.place.open(path) as source,
            tarfile.open(fileobj=io.BufferedReader(source, _BUFFER)) as archive,
        ):
            for info in archive:
                if (name := _checked(info)) is None:
                    continue
                content = archive.extractfile(info)
                head = content.read(HEADER_BYTES) if content else b""
                is_value = _Member(name, b"").field in (*_TEXTS, "json")
                if content and (is_value or _is_image(name, head)):
                    yield _Member(name, head + content.read())
                else:
                    self.others.append(PurePosixPath(name).name)
            _check_end(archive)

    def _sample(self, key: str, members: list[_Member]) -> Iterator[EncodedImage]:
        values = [member for member in members if member.field in (*_TEXTS, "json")]
        images = [member for member in members if member not in values]
        columns = _columns(key, values)
        if values and self.image_column:
            images = [member for member in images if member.field == self.image_column.lower()]
        if values and len(images) > 1:
            fields = named([member.field for member in images], 8)
            raise DataError(
                f"sample {key!r} has {len(images)} images ({fields}); choose one by "
                "data.image_column"
            )
        if values and not images:
            self.others += [PurePosixPath(member.path).name for member in values]
        for image in images:
            self.columns |= set(columns)
            yield EncodedImage(image.path, image.data, columns)


def _checked(info: tarfile.TarInfo) -> str | None:
    """A member's path; None for folders and hidden files. Raises DataError."""
    path = safe_path(info.name)
    if path is None:
        raise DataError(f"{info.name!r} is not a path inside the archive; nothing is read")
    if info.isdir() or not path.name or not all(map(is_seen, path.parts)):
        return None
    if info.issym() or info.islnk():
        raise DataError(f"{info.name!r} is a link; put the file itself into the archive")
    if not info.isfile():
        raise DataError(f"{info.name!r} is a device or a pipe; remove it from the archive")
    if info.size > MAX_BYTES:
        raise DataError(
            f"{info.name!r} has {info.size / 2**20:.0f} MiB; expected at most "
            f"{MAX_BYTES // 2**20} MiB a file"
        )
    return path.as_posix()


def _is_image(name: str, head: bytes) -> bool:
    if suffix_of(name) in IMAGE_SUFFIXES or unread_problem(name):
        return True
    return needs_content_check(name) and is_image_content(name, head)


def _columns(key: str, values: list[_Member]) -> dict[str, Any]:
    """What a sample's other members say of its image: the keys of its JSON, its class, its text."""
    columns: dict[str, Any] = {}
    for member in values:
        try:
            if member.field == "json":
                record = json.loads(member.data)
                columns |= record if isinstance(record, dict) else {"json": record}
            else:
                columns[member.field] = member.data.decode().strip()
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise DataError(f"{member.path!r}: cannot be read ({reason})") from None
    return columns


def _check_end(archive: tarfile.TarFile) -> None:
    """Raise DataError unless the archive ends with its mark: tarfile also stops, without an error,
    where a file was cut off or a header is damaged."""
    source: Any = archive.fileobj
    source.seek(archive.offset)
    block = source.read(_BLOCK)
    if len(block) < _BLOCK or any(block):
        raise DataError(f"it is cut off or damaged after {archive.offset} bytes; copy it again")


@contextmanager
def _undamaged(path: str) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except (*_DAMAGED, pa.ArrowException) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: cannot be read as a tar file ({reason}); copy it again") from None
