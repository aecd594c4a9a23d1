"""Unpack a zip file of class folders.

Names and sizes in an archive are not trusted: one with a name that leads outside, a link, or more
data than the disk has room for is not unpacked at all.
"""

import lzma
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EEXIST, EILSEQ, EINVAL, EISDIR, ENAMETOOLONG, ENOTDIR
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from datasets.containers.image_files import safe_path
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
from datasets.layout.folder_names import layer_of

ZIP_VERSION = 2
_SHARE_OF_FREE = 0.9
_CHUNK = 1 << 20
# Errors that zipfile and its codecs raise on damaged archives; ValueError: invalid bytes in names,
# OSError: an impossible offset, and all errors of bz2.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    MemoryError,
    OverflowError,
    ValueError,
    OSError,
)
_NAME_ERRORS = (EEXIST, EISDIR, ENOTDIR, ENAMETOOLONG, EILSEQ, EINVAL)


class _Member(NamedTuple):
    """A file of an archive, and its path in it with `/` as separator."""

    info: zipfile.ZipInfo
    path: PurePosixPath


def is_zip(path: str) -> bool:
    """Whether `path` is a zip file on this machine."""
    return os.path.isfile(path) and zipfile.is_zipfile(path)


def unpack(path: str, folder: Path, called: str | None = None) -> None:
    """Unpack the images of the zip file `path` into the new folder `folder`.

    `called`: how the user knows it, if not by its path.

    Files that `sources.list_folder` would skip are left out. A common top folder, which most
    archives have, is dropped: `data/<class>/1.png` becomes `<class>/1.png`.

    Raises:
        DataError: a name that leads out of `folder`, a link, a duplicate name, an encrypted,
            damaged or too large file, too little disk space, or no image at all.
    """
    try:
        with _opened(path) as archive:
            members = [member for member in _members(archive) if _is_image(archive, member)]
            _check(members, folder)
            skipped = _common_folders([member.path for member in members])
            for member in members:
                _write(archive, member.info, folder.joinpath(*member.path.parts[skipped:]))
    except DataError as error:
        raise DataError(f"data.path={called or path!r}: {error}") from None


def left_out(path: str) -> list[str]:
    """The names of the files that `unpack` leaves out because they are not images."""
    try:
        with _opened(path) as archive:
            members = list(_members(archive))
            return [member.path.name for member in members if not _is_image(archive, member)]
    except DataError as error:
        raise DataError(f"data.path={path!r}: {error}") from None


@contextmanager
def _archive_errors() -> Iterator[None]:
    """Convert errors of the block, which a damaged archive causes, to DataError."""
    try:
        yield
    except _DAMAGED as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise DataError(f"cannot be unpacked ({reason})") from None


def _opened(path: str) -> zipfile.ZipFile:
    with _archive_errors():
        return zipfile.ZipFile(path)


def _members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    """The files of an archive that are not hidden. Checks every name."""
    for info in archive.infolist():
        path = _path_inside(info.filename)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise DataError(f"{info.filename!r} is a link; put the file itself into the archive")
        is_folder = info.filename.endswith(("/", "\\"))
        if path.name and not is_folder and all(is_seen(part) for part in path.parts):
            yield _Member(info, path)


def _path_inside(name: str) -> PurePosixPath:
    """A member's path; Windows uses backslashes. Raises DataError if it leads outside."""
    path = safe_path(name)
    if path is None:
        raise DataError(f"{name!r} is not a path inside the archive; nothing is unpacked")
    return path


def _is_image(archive: zipfile.ZipFile, member: _Member) -> bool:
    """Whether a member is an image, or of a known image format that is not supported."""
    name = member.path.name
    if suffix_of(name) in IMAGE_SUFFIXES or unread_problem(name):
        return True
    if not needs_content_check(name):
        return False
    try:
        with archive.open(member.info) as file:
            return is_image_content(name, file.read(HEADER_BYTES))
    except _DAMAGED:
        return False


def _check(members: list[_Member], folder: Path) -> None:
    if not members:
        raise DataError("no image in it; expected one folder of images per class")
    (name, count), *_ = Counter(str(member.path) for member in members).most_common(1)
    if count > 1:
        raise DataError(f"{name!r} occurs {count} times; expected once")
    infos = [member.info for member in members]
    for member in infos:
        if member.flag_bits & 1:
            raise DataError(f"{member.filename!r} is encrypted; unpack it and use the folder")
        if member.file_size > MAX_BYTES:
            raise DataError(
                f"{member.filename!r} would be {member.file_size / 2**20:.0f} MiB; expected at "
                f"most {MAX_BYTES // 2**20} MiB a file"
            )
    needed, free = sum(member.file_size for member in infos), shutil.disk_usage(folder).free
    if needed > _SHARE_OF_FREE * free:
        raise DataError(
            f"{needed / 2**30:.1f} GiB unpacked, but the store's disk has only "
            f"{free / 2**30:.1f} GiB free"
        )


def _common_folders(names: list[PurePosixPath]) -> int:
    """How many top folders contain everything else and are neither a class nor a layer."""
    depth = 0
    while (
        len({name.parts[depth] for name in names}) == 1
        and all(len(name.parts) > depth + 2 for name in names)
        and layer_of(names[0].parts[depth]) is None
    ):
        depth += 1
    return depth


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    """Write one file of the declared size; zipfile verifies its checksum."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            for chunk in _chunks(archive, member):
                target.write(chunk)
    except OSError as error:
        if error.errno not in _NAME_ERRORS:
            raise  # an error of the disk, not of the archive
        raise DataError(f"cannot be unpacked ({error.strerror})") from None


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with _archive_errors(), archive.open(member) as source:
        while chunk := source.read(_CHUNK):
            yield chunk
