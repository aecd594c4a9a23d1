"""A zip file of class folders -> the folder that it would have been.

Its names and sizes are believed only as far as they can do no harm: an archive with one name that
leads elsewhere, a link, or more than the disk has room for is not unpacked at all.
"""

import lzma
import os
import re
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

from datasets.decoding.dicom_detection import HEADER_BYTES
from datasets.decoding.limits import MAX_BYTES
from datasets.errors import DataError
from datasets.layout.file_kinds import (
    IMAGE_SUFFIXES,
    is_image_content,
    is_seen,
    needs_a_look,
    suffix_of,
    unread_problem,
)
from datasets.layout.folder_names import layer_of

ZIP_VERSION = 2
_SHARE_OF_FREE = 0.9
_CHUNK = 1 << 20
# What zipfile and its codecs raise of a damaged archive; ValueError: its names' bytes, OSError: an
# offset that no file has, and bz2's.
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
_DRIVE = re.compile(r"[A-Za-z]:")  # C:/images
_OF_NAMES = (EEXIST, EISDIR, ENOTDIR, ENAMETOOLONG, EILSEQ, EINVAL)


class _Member(NamedTuple):
    """A file of an archive and its path in it, with `/` between the folders."""

    info: zipfile.ZipInfo
    path: PurePosixPath


def is_zip(path: str) -> bool:
    """Whether `path` is a zip file of this machine."""
    return os.path.isfile(path) and zipfile.is_zipfile(path)


def unpack(path: str, folder: Path) -> None:
    """Write the images of the zip file `path` below `folder`, a new one.

    Left out is what `sources.list_folder` would pass over. A folder that holds all the others is
    left away, as most archives have one: `data/<class>/1.png` becomes `<class>/1.png`.

    Raises:
        DataError: a name that leads out of `folder`, a link, a name twice, an encrypted, damaged or
            too large file, too little room on the disk, or no image at all.
    """
    try:
        with _opened(path) as archive:
            members = [one for one in _members(archive) if _is_image(archive, one)]
            _check(members, folder)
            skipped = _common_folders([member.path for member in members])
            for member in members:
                _write(archive, member.info, folder.joinpath(*member.path.parts[skipped:]))
    except DataError as error:
        raise DataError(f"data.path={path!r}: {error}") from None


def left_out(path: str) -> list[str]:
    """The names of the files of a zip file that `unpack` does not write: they are no images."""
    try:
        with _opened(path) as archive:
            members = list(_members(archive))
            return [one.path.name for one in members if not _is_image(archive, one)]
    except DataError as error:
        raise DataError(f"data.path={path!r}: {error}") from None


@contextmanager
def _of_the_archive() -> Iterator[None]:
    """What goes wrong in the block is the archive's fault."""
    try:
        yield
    except _DAMAGED as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise DataError(f"cannot be unpacked ({reason})") from None


def _opened(path: str) -> zipfile.ZipFile:
    with _of_the_archive():
        return zipfile.ZipFile(path)


def _members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    """The files of an archive that are not hidden. Every name is checked."""
    for info in archive.infolist():
        path = _path_inside(info.filename)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise DataError(f"{info.filename!r} is a link; put the file itself into the archive")
        is_folder = info.filename.endswith(("/", "\\"))
        if path.name and not is_folder and all(is_seen(part) for part in path.parts):
            yield _Member(info, path)


def _path_inside(name: str) -> PurePosixPath:
    """A member's path; Windows writes it with backslashes. Raises DataError where it leads out."""
    path = PurePosixPath(name.replace("\\", "/"))
    has_drive = bool(path.parts) and _DRIVE.fullmatch(path.parts[0])
    if path.is_absolute() or ".." in path.parts or has_drive or "\0" in name:
        raise DataError(f"{name!r} is no path inside of it; nothing is unpacked")
    return path


def _is_image(archive: zipfile.ZipFile, member: _Member) -> bool:
    """Whether a member is an image, or a picture of a kind that is named as not read."""
    name = member.path.name
    if suffix_of(name) in IMAGE_SUFFIXES or unread_problem(name):
        return True
    if not needs_a_look(name):
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
        raise DataError(f"{name!r} is in it {count} times; expected once")
    infos = [member.info for member in members]
    for member in infos:
        if member.flag_bits & 1:
            raise DataError(f"{member.filename!r} is encrypted; unpack it and give the folder")
        if member.file_size > MAX_BYTES:
            raise DataError(
                f"{member.filename!r} would be {member.file_size / 2**20:.0f} MiB; expected at "
                f"most {MAX_BYTES // 2**20} MiB a file"
            )
    wanted, free = sum(member.file_size for member in infos), shutil.disk_usage(folder).free
    if wanted > _SHARE_OF_FREE * free:
        raise DataError(
            f"{wanted / 2**30:.1f} GiB unpacked, and the store's disk has {free / 2**30:.1f} left"
        )


def _common_folders(names: list[PurePosixPath]) -> int:
    """How many folders, from the top, hold all the others and are neither a class nor a layer."""
    depth = 0
    while (
        len({name.parts[depth] for name in names}) == 1
        and all(len(name.parts) > depth + 2 for name in names)
        and layer_of(names[0].parts[depth]) is None
    ):
        depth += 1
    return depth


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    """One file, as long as the archive says it is; zipfile compares its checksum."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            for chunk in _chunks(archive, member):
                target.write(chunk)
    except OSError as error:
        if error.errno not in _OF_NAMES:
            raise  # the disk's, not the archive's
        raise DataError(f"cannot be unpacked ({error.strerror})") from None


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with _of_the_archive(), archive.open(member) as source:
        while chunk := source.read(_CHUNK):
            yield chunk
