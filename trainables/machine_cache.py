"""Folders of a remote store, fetched once for all processes of a machine.

They lie in SWEEPER_CACHE, or `sweeper-<user>` in the machine's folder for temporary files. One
process fetches, the others wait for it. Every process that has asked for a folder holds a lock on
it to its end; the kernel lets go for a process that is killed. When the cache would come to hold
more than SWEEPER_CACHE_GB (half of the disk that is free, unless told), the folders that nobody
holds are removed, those used longest ago first.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs

Check = Callable[[Path], None]
_SHARE_OF_FREE = 0.5
_UNDER_WAY, _REMOVED = ".part", ".removed"

_held: dict[Path, int] = {}  # folder -> descriptor of this process's lock on it


@dataclass(frozen=True)
class MachineCopy(os.PathLike[str]):
    """A folder of a store as a path: fetched on the machine that uses it."""

    folder: str
    filesystem: pafs.FileSystem

    def __fspath__(self) -> str:
        return str(local_copy(self.folder, self.filesystem))


@contextmanager
def upload(folder: str, filesystem: pafs.FileSystem) -> Iterator[Path]:
    """A local folder to write into whose files end up in `folder`: itself, where that is local."""
    if isinstance(filesystem, pafs.LocalFileSystem):
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)
        pafs.copy_files(
            scratch,
            folder,
            source_filesystem=pafs.LocalFileSystem(),
            destination_filesystem=filesystem,
        )


def local_copy(folder: str, filesystem: pafs.FileSystem, check: Check | None = None) -> Path:
    """The folder itself where it is on this machine, else its copy, fetched if it is not there.

    `check` looks at what was fetched before anyone else does, and raises where it is not right.
    Raises PermissionError where the cache's folder is another user's.
    """
    if isinstance(filesystem, pafs.LocalFileSystem):
        return Path(folder)
    name = hashlib.sha256(f"{filesystem.type_name} {folder}".encode()).hexdigest()[:32]
    cached = _cache_folder() / name
    while not (cached in _held and cached.exists()):
        if not cached.exists():
            with _locked(cached.with_suffix(".fetching"), fcntl.LOCK_EX):
                if not cached.exists():
                    _fetch(folder, filesystem, cached, check)
        _hold(cached)
    return cached


def _hold(cached: Path) -> None:
    """Keep the folder for as long as this process lives, if it is still there."""
    lock = _open_lock(_use_of(cached))
    fcntl.flock(lock, fcntl.LOCK_SH)
    if not cached.exists():  # removed meanwhile
        os.close(lock)
        return
    os.utime(cached)
    if cached in _held:
        os.close(_held[cached])
    _held[cached] = lock


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    lock = _open_lock(path)
    try:
        fcntl.flock(lock, how)
        yield
    finally:
        os.close(lock)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _use_of(cached: Path) -> Path:
    return cached.with_suffix(".in-use")


def _cache_folder() -> Path:
    """Made private to this user; the name is known, so anyone may have been there before."""
    default = Path(tempfile.gettempdir()) / f"sweeper-{os.getuid()}"
    folder = Path(os.environ.get("SWEEPER_CACHE") or default)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
        raise PermissionError(f"cache folder '{folder}' is another user's; set SWEEPER_CACHE")
    return folder


def _fetch(folder: str, filesystem: pafs.FileSystem, cached: Path, check: Check | None) -> None:
    """Called by the one process that may fetch it."""
    scratch = cached.with_suffix(_UNDER_WAY)
    shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
    infos = filesystem.get_file_info(pafs.FileSelector(folder, recursive=True))
    make_room(cached.parent, sum(info.size for info in infos if info.is_file))
    try:
        scratch.mkdir()
        pafs.copy_files(
            folder,
            str(scratch),
            source_filesystem=filesystem,
            destination_filesystem=pafs.LocalFileSystem(),
        )
        if check:
            check(scratch)
        scratch.rename(cached)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def make_room(cache: Path, wanted_bytes: int) -> None:
    """Remove folders that nobody holds, those used longest ago first, until `wanted_bytes` more
    keep the cache within its limit, or none is left."""
    for gone in cache.glob(f"*{_REMOVED}"):  # left by a process that was killed while removing
        shutil.rmtree(gone, ignore_errors=True)
    folders = sorted(
        (path for path in cache.iterdir() if path.is_dir() and not path.suffix),
        key=lambda path: path.stat().st_mtime,
    )
    sizes = {path: _bytes_in(path) for path in folders}
    total = sum(sizes.values())
    limit = _limit(cache, total)
    for path in folders:
        if total + wanted_bytes <= limit:
            return
        if _remove_unheld(path):
            total -= sizes[path]


def _limit(cache: Path, total: int) -> float:
    told = os.environ.get("SWEEPER_CACHE_GB")
    if told:
        return float(told) * 1e9
    return total + _SHARE_OF_FREE * shutil.disk_usage(cache).free


def _remove_unheld(path: Path) -> bool:
    gone = path.with_suffix(_REMOVED)
    try:
        with _locked(_use_of(path), fcntl.LOCK_EX | fcntl.LOCK_NB):
            path.rename(gone)  # at once: nobody finds half a folder
            shutil.rmtree(gone, ignore_errors=True)
    except (BlockingIOError, FileNotFoundError):
        return False
    return True


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
