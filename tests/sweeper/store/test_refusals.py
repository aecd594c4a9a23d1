"""Refusals of a disk are recovered wherever they occur."""

import errno
import os
from pathlib import Path

import pyarrow.fs as pafs
import pytest
import ray

from reports.tables import write_table
from sweeper.cli import main
from sweeper.errors import StoreError
from sweeper.store.artifact import key_of
from sweeper.store.refusals import raise_refusal, refusal, writing_to
from sweeper.store.store import Store
from tests.sweeper.folders import write_config, write_images

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "No space left on device: free some space and run again"),
        (errno.EDQUOT, "free some space"),
        (errno.EACCES, "Permission denied: grant yourself write permission"),
        (errno.EROFS, "Read-only file system"),
    ],
)
def test_a_refusal_is_reported_with_its_way_out(number: int, message: str) -> None:
    assert message in (refusal(OSError(number, os.strerror(number))) or "")


@pytest.mark.parametrize("error", [KeyError("a"), FileNotFoundError(2, "no"), OSError("odd")])
def test_other_errors_are_not_refusals(error: Exception) -> None:
    assert refusal(error) is None


def test_a_refusal_is_found_among_the_causes_of_an_error() -> None:
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = FULL
    assert "No space left" in (refusal(wrapped) or "")


def test_the_error_of_another_process_is_raised_again() -> None:
    text = "RayTaskError: pid 3\n  File x\nsweeper.errors.StoreError: store 'x': full\nand more"
    with pytest.raises(StoreError, match=r"^store 'x': full$"):
        raise_refusal(text)
    raise_refusal("sweeper.errors.OtherError: store")


def test_a_full_disk_is_reported_in_one_line_and_nothing_remains(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(StoreError, match=r"written to \(No space left on device") as caught:
        _write_too_much(store)
    assert len(str(caught.value).splitlines()) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert store.find("splits", key_of({"a": 1})) is None


def _write_too_much(store: Store) -> None:
    with store.writing("splits", {"a": 1}) as folder:
        store.write_file(f"{folder}/first", b"fits")
        Path(folder, "second").symlink_to("/dev/full")
        store.write_file(f"{folder}/second", b"does not")


def test_a_disk_full_at_the_last_write_keeps_the_previous_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(str(tmp_path))
    with store.writing("splits", {"a": 1}) as folder:
        store.write_file(f"{folder}/text", b"first")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", _refuse)
        with pytest.raises(StoreError), store.writing("splits", {"a": 1}) as folder:
            store.write_file(f"{folder}/text", b"second")
    assert store.read(store.get("splits", key_of({"a": 1})), "text") == b"first"
    assert len(list((tmp_path / "splits").glob("*/*"))) == 2


def _refuse(*_: object) -> None:
    raise FULL


def test_missing_permission_is_reported_by_reader_and_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a file system that denies access, as root may do anything."""
    store = Store(str(tmp_path))
    with store.writing("splits", {"a": 1}) as folder:
        store.write_file(f"{folder}/text", b"first")
    artifact = store.get("splits", key_of({"a": 1}))
    monkeypatch.setattr(Store, "read_file", _deny)
    for work in (lambda: store.find("splits", artifact.key), lambda: store.read(artifact, "text")):
        with pytest.raises(StoreError, match=r"cannot be read from \(Permission denied"):
            work()


def _deny(*_: object) -> bytes:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_a_full_disk_in_an_actor_of_ray_data_is_reported(tmp_path: Path, ray_session: None) -> None:
    """Workers write the parts; Ray wraps their errors."""

    @ray.remote
    def write(folder: str) -> None:
        Path(folder, "part").symlink_to("/dev/full")
        with pafs.LocalFileSystem().open_output_stream(f"{folder}/part") as stream:
            stream.write(b"x" * 10)

    store = Store(str(tmp_path))
    with (
        pytest.raises(StoreError, match="No space left on device"),
        store.writing("pooled", {"a": 1}) as folder,
    ):
        ray.get(write.remote(folder))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_full_disk_while_writing_tables_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / f".curves.parquet.{os.getpid()}").symlink_to("/dev/full")
    with (
        pytest.raises(StoreError, match=r"--out '.*': cannot be written to \(No space left"),
        writing_to(tmp_path),
    ):
        write_table(folder, "curves", [])
    assert not (folder / "curves.parquet").exists()


def test_the_command_ends_with_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, write_images(tmp_path / "images", {"a": 5, "b": 5}))
    monkeypatch.setattr(os, "fsync", _refuse)
    assert main(["run", config, "--out", str(tmp_path / "run")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: store '")
    assert "No space left on device: free some space and run again" in lines[0]
