"""Cached folders of a remote store: fetched once, locked while used, removed to free space."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from trainables import machine_cache
from trainables.machine_cache import MachineCopy, local_copy, make_room

LOCAL = LocalFileSystem()


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SubTreeFileSystem:
    """A remote file system with the folders `a` and `b`, and an empty cache."""
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(machine_cache, "_held", {})
    for name in ("a", "b"):
        (tmp_path / "away" / name / "below").mkdir(parents=True)
        (tmp_path / "away" / name / "file").write_bytes(name.encode() * 1000)
        (tmp_path / "away" / name / "below" / "file").write_bytes(b"deeper")
    return SubTreeFileSystem(str(tmp_path / "away"), LOCAL)


def let_go() -> None:
    """Release the locks as the kernel does when a process ends."""
    for lock in machine_cache._held.values():
        os.close(lock)
    machine_cache._held.clear()


def folders(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.is_dir()}


def test_a_local_folder_is_used_where_it_is(tmp_path: Path) -> None:
    assert local_copy(str(tmp_path), LOCAL) == tmp_path


def test_a_folder_elsewhere_is_fetched_once(away: SubTreeFileSystem, tmp_path: Path) -> None:
    first = local_copy("a", away)
    assert (first / "file").read_bytes() == b"a" * 1000
    assert (first / "below" / "file").read_bytes() == b"deeper"
    (tmp_path / "away" / "a" / "file").unlink()
    assert local_copy("a", away) == first
    let_go()
    assert (local_copy("a", away) / "file").exists()
    assert local_copy("b", away) != first


def test_a_path_object_fetches_its_folder(away: SubTreeFileSystem) -> None:
    assert Path(MachineCopy("a", away), "file").read_bytes() == b"a" * 1000


def test_what_was_uploaded_may_stay_in_the_cache(
    away: SubTreeFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine_cache.upload("new", away, keep=True) as folder:
        (folder / "a").mkdir()
        (folder / "a" / "file").write_bytes(b"content")
    with away.open_input_stream("new/a/file") as stream:
        assert stream.read() == b"content"
    monkeypatch.setattr(machine_cache, "_fetch", lambda *_: 1 / 0)
    assert (local_copy("new", away) / "a" / "file").read_bytes() == b"content"


def test_a_damaged_copy_is_never_used(away: SubTreeFileSystem, tmp_path: Path) -> None:
    def check(folder: Path) -> None:
        assert (folder / "file").exists()
        raise ValueError("not what was written")

    with pytest.raises(ValueError, match="not what was written"):
        local_copy("a", away, check)
    assert folders(tmp_path / "cache") == set()
    assert (local_copy("a", away) / "file").exists()


def test_leftovers_of_a_killed_fetch_are_not_used(away: SubTreeFileSystem, tmp_path: Path) -> None:
    whole = local_copy("a", away)
    let_go()
    whole.rename(whole.with_suffix(".part"))
    (whole.with_suffix(".part") / "file").write_bytes(b"half")
    assert (local_copy("a", away) / "file").read_bytes() == b"a" * 1000
    assert folders(tmp_path / "cache") == {whole.name}


def test_the_least_recently_used_folders_are_removed_first(
    away: SubTreeFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = local_copy("a", away), local_copy("b", away)
    os.utime(old, (1, 1))
    let_go()
    monkeypatch.setenv("SWEEPER_CACHE_GB", "0.0000025")  # 2.5 kB: both fit, and 400 bytes more
    make_room(tmp_path / "cache", 400)
    assert folders(tmp_path / "cache") == {old.name, new.name}
    make_room(tmp_path / "cache", 1000)
    assert folders(tmp_path / "cache") == {new.name}


def test_a_folder_in_use_is_not_removed(
    away: SubTreeFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = local_copy("a", away)
    monkeypatch.setenv("SWEEPER_CACHE_GB", "0")
    make_room(tmp_path / "cache", 10**9)
    assert folders(tmp_path / "cache") == {used.name}
    let_go()
    make_room(tmp_path / "cache", 10**9)
    assert folders(tmp_path / "cache") == set()


def test_a_folder_that_was_removed_is_fetched_again(away: SubTreeFileSystem) -> None:
    first = local_copy("a", away)
    first.rename(first.with_name("elsewhere"))
    assert (local_copy("a", away) / "file").exists()


def test_the_cache_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away: SubTreeFileSystem
) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "theirs")
    with pytest.raises(PermissionError, match="belongs to another user; set SWEEPER_CACHE"):
        local_copy("a", away)


_FETCH = """
import sys
from pathlib import Path
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem
from trainables import machine_cache
root = Path(sys.argv[1])
fetch = machine_cache._fetch
def counted(*args):
    with (root / "fetched").open("a") as log:
        log.write("x")
    fetch(*args)
machine_cache._fetch = counted
print("ready", flush=True)
sys.stdin.readline()
away = SubTreeFileSystem(str(root / "away"), LocalFileSystem())
print((machine_cache.local_copy("a", away) / "file").stat().st_size, flush=True)
sys.stdin.readline()
"""


def test_one_of_several_processes_fetches_and_all_lock_it(
    away: SubTreeFileSystem, tmp_path: Path
) -> None:
    start: Callable[[], subprocess.Popen[str]] = lambda: subprocess.Popen(  # noqa: E731
        [sys.executable, "-c", _FETCH, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    processes = [start() for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.stdout.readline() for process in processes if process.stdout] == ["1000\n"] * 3
    assert (tmp_path / "fetched").read_text() == "x"

    in_use = next((tmp_path / "cache").glob("*.in-use"))
    for process in processes:
        with in_use.open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        process.kill()
        process.communicate()
    with in_use.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert time.time() - in_use.stat().st_mtime < 600
