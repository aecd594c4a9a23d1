"""Cache folders of a remote store on the local disk, once for all processes of a machine.

The cache is SWEEPER_CACHE, by default `sweeper-<user>` in the system's temporary folder. One
process fetches a folder while the others wait. Every process that uses a folder holds a lock on it
until it exits; the kernel releases the locks of killed processes. When the cache would exceed
SWEEPER_CACHE_GB (by default half of the free disk space), unlocked folders are removed, least
recently used first.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs

Check = Callable[[Path], None]
_SHARE_OF_FREE = 0.5
_PARTIAL, _REMOVED, _UPLOAD = ".part", ".removed", "upload-"
_LONGEST_UPLOAD_S = 3 * 86_400.0

_held: dict[Path, int] = {}  # folder -> descriptor of this process's lock on it


@dataclass(frozen=True)
class MachineCopy(os.PathLike[str]):
    """A folder of a store as a local path, fetched on the machine that uses it."""

    folder: str
    filesystem: pafs.FileSystem

    def __fspath__(self) -> str:
        return str(local_copy(self.folder, self.filesystem))


@contextmanager
def upload(folder: str, filesystem: pafs.FileSystem, *, keep: bool = False) -> Iterator[Path]:
    """Yield a local folder whose files end up in `folder`: `folder` itself if that is local.

    `keep`: what was written stays in the cache, so that this machine need not fetch it.
    """
    if isinstance(filesystem, pafs.LocalFileSystem):
        yield Path(folder)
        return
    cache = cache_folder() if keep else None
    with tempfile.TemporaryDirectory(_PARTIAL, _UPLOAD, cache) as one:
        scratch = Path(one, "files")
        scratch.mkdir()
        yield scratch
        pafs.copy_files(
            str(scratch),
            folder,
            source_filesystem=pafs.LocalFileSystem(),
            destination_filesystem=filesystem,
        )
        if cache:
            make_room(cache, _bytes_in(scratch))
            scratch.rename(_cached(folder, filesystem))


def local_copy(folder: str, filesystem: pafs.FileSystem, check: Check | None = None) -> Path:
    """The folder itself if it is on this machine, else its cached copy, fetched if missing.

    `check` verifies a fetched copy before anyone uses it, and raises if it is damaged. Raises
    PermissionError if the cache folder belongs to another user.
    """
    if isinstance(filesystem, pafs.LocalFileSystem):
        return Path(folder)
    cached = _cached(folder, filesystem)
    while not (cached in _held and cached.exists()):
        if not cached.exists():
            with _locked(cached.with_suffix(".fetching"), fcntl.LOCK_EX):
                if not cached.exists():
                    _fetch(folder, filesystem, cached, check)
        _hold(cached)
    return cached


def _cached(folder: str, filesystem: pafs.FileSystem) -> Path:
    """Where the copy of a folder lies."""
    name = hashlib.sha256(f"{filesystem.type_name} {folder}".encode()).hexdigest()[:32]
    return cache_folder() / name


def _hold(cached: Path) -> None:
    """Lock the folder until this process exits, if it still exists."""
    lock = _open_lock(_use_lock(cached))
    fcntl.flock(lock, fcntl.LOCK_SH)
    if not cached.exists():  # removed in the meantime
        os.close(lock)
        return
    os.utime(cached)
    if cached in _held:
        os.close(_held[cached])
    _held[cached] = lock


@contextmanager
def _locked(path: Path, operation: int) -> Iterator[None]:
    lock = _open_lock(path)
    try:
        fcntl.flock(lock, operation)
        yield
    finally:
        os.close(lock)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _use_lock(cached: Path) -> Path:
    return cached.with_suffix(".in-use")


def cache_folder() -> Path:
    """The cache folder, private to this user; its name is predictable, so its owner is checked."""
    default = Path(tempfile.gettempdir()) / f"sweeper-{os.getuid()}"
    folder = Path(os.environ.get("SWEEPER_CACHE") or default)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise PermissionError(f"cache folder '{folder}' belongs to another user; set SWEEPER_CACHE")
    return folder


def _fetch(folder: str, filesystem: pafs.FileSystem, cached: Path, check: Check | None) -> None:
    """Fetch the folder; called by one process at a time."""
    scratch = cached.with_suffix(_PARTIAL)
    shutil.rmtree(scratch, ignore_errors=True)  # left by a killed process
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
    """Remove unlocked folders, least recently used first, until `wanted_bytes` more fit the limit.

    Stops early if no unlocked folder is left.
    """
    for removed in cache.glob(f"*{_REMOVED}"):  # left by a process killed while removing
        shutil.rmtree(removed, ignore_errors=True)
    for partial in cache.glob(f"{_UPLOAD}*"):  # left by a process killed while uploading
        if time.time() - partial.stat().st_mtime > _LONGEST_UPLOAD_S:
            shutil.rmtree(partial, ignore_errors=True)
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
        if _remove_if_unlocked(path):
            total -= sizes[path]


def _limit(cache: Path, total: int) -> float:
    if limit_gb := os.environ.get("SWEEPER_CACHE_GB"):
        return float(limit_gb) * 1e9
    return total + _SHARE_OF_FREE * shutil.disk_usage(cache).free


def _remove_if_unlocked(path: Path) -> bool:
    removed = path.with_suffix(_REMOVED)
    try:
        with _locked(_use_lock(path), fcntl.LOCK_EX | fcntl.LOCK_NB):
            path.rename(removed)  # atomic: nobody finds half a folder
            shutil.rmtree(removed, ignore_errors=True)
    except (BlockingIOError, FileNotFoundError):
        return False
    return True


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
