"""A zip file of class folders -> the folder that it would have been.

Its names and sizes are believed only as far as they can do no harm: an archive with one name that
leads elsewhere, a link, or more than the disk has room for is not unpacked at all.
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

from datasets.decoding.limits import MAX_BYTES
from datasets.errors import DataError
from datasets.sources import LAYERS, is_seen, may_be_image

ZIP_VERSION = 1
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
_OF_NAMES = (EEXIST, EISDIR, ENOTDIR, ENAMETOOLONG, EILSEQ, EINVAL)


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
            members = list(_members(archive))
            _check(members, folder)
            skipped = _common_folders([PurePosixPath(member.filename) for member in members])
            for member in members:
                parts = PurePosixPath(member.filename).parts[skipped:]
                _write(archive, member, folder.joinpath(*parts))
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


def _members(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """The images of an archive. Every name is looked at, also of what is left out."""
    for member in archive.infolist():
        name = PurePosixPath(member.filename)
        if name.is_absolute() or ".." in name.parts or set(member.filename) & set("\\:\0"):
            raise DataError(f"{member.filename!r} is no path inside of it; nothing is unpacked")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(f"{member.filename!r} is a link; put the file itself into the archive")
        if member.is_dir() or not all(is_seen(part) for part in name.parts):
            continue
        if name.name and may_be_image(name.name):
            yield member


def _check(members: list[zipfile.ZipInfo], folder: Path) -> None:
    if not members:
        raise DataError("no image in it; expected one folder of images per class")
    (name, count), *_ = Counter(member.filename for member in members).most_common(1)
    if count > 1:
        raise DataError(f"{name!r} is in it {count} times; expected once")
    for member in members:
        if member.flag_bits & 1:
            raise DataError(f"{member.filename!r} is encrypted; unpack it and give the folder")
        if member.file_size > MAX_BYTES:
            raise DataError(
                f"{member.filename!r} would be {member.file_size / 2**20:.0f} MiB; expected at "
                f"most {MAX_BYTES // 2**20} MiB a file"
            )
    wanted, free = sum(member.file_size for member in members), shutil.disk_usage(folder).free
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
        and names[0].parts[depth].lower() not in LAYERS
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
