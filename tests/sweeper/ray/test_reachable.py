"""A Ray that cannot be joined or started is told in seconds, in one line."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from sweeper.errors import ResourceError
from sweeper.ray import session
from sweeper.ray.reachable import (
    check_cluster,
    check_sockets,
    cluster_address,
    temporary_folder,
)
from sweeper.ray.session import ray_session


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port of a server that is no Ray: it answers whatever it is sent as a web server would."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):
                with server.accept()[0] as connection:
                    connection.recv(100)
                    connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]


def refused(address: str) -> str:
    started = time.monotonic()
    with pytest.raises(ResourceError) as told:
        check_cluster(address)
    assert time.monotonic() - started < 10
    line = str(told.value)
    assert "\n" not in line
    assert line.startswith(f"RAY_ADDRESS='{address}': no Ray cluster can be joined there (")
    assert "unset RAY_ADDRESS" in line
    return line


def test_a_cluster_that_is_gone_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "Connection refused" in refused(f"127.0.0.1:{port}")
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray was started"))
    with pytest.raises(ResourceError, match="RAY_ADDRESS"), ray_session(None, None, 1):
        pass


def test_another_server_is_no_ray(stranger: int) -> None:
    assert "something else listens there" in refused(f"127.0.0.1:{stranger}")


def test_a_server_that_says_nothing_is_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeper.ray.reachable._PATIENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        refused(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize(
    "address", ["head", "head:port", ":1", "1.2.3.4:", "ray://head", "a:99999"]
)
def test_what_is_no_address_is_told_so(address: str) -> None:
    refused(address)


def test_auto_without_a_cluster_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray._private.services, "find_gcs_addresses", set)
    monkeypatch.setattr(ray._private.services, "find_bootstrap_address", lambda _: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert "Could not find any running Ray instance" in refused("auto")


def test_a_running_ray_is_reachable(ray_session: None) -> None:
    check_cluster(ray.get_runtime_context().gcs_address)


@pytest.mark.parametrize(
    ("value", "address"), [(None, None), ("", None), ("local", None), ("auto", "auto")]
)
def test_an_empty_or_local_address_is_this_machine(
    monkeypatch: pytest.MonkeyPatch, value: str | None, address: str | None
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if value is not None:
        monkeypatch.setenv("RAY_ADDRESS", value)
    assert cluster_address() == address


@pytest.mark.parametrize("variable", ["TMPDIR", "RAY_TMPDIR"])
def test_a_temporary_folder_too_deep_for_sockets_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    deep = tmp_path / ("x" * 100)
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv(variable, str(deep))
    with pytest.raises(ResourceError, match=f"^{variable}='{deep}': too long for Ray's sockets"):
        check_sockets()
    assert not deep.exists()


@pytest.mark.parametrize("ray_tmpdir", [None, "/elsewhere"])
@pytest.mark.parametrize("tmpdir", [None, "/scratch"])
def test_the_temporary_folder_is_rays(
    monkeypatch: pytest.MonkeyPatch, ray_tmpdir: str | None, tmpdir: str | None
) -> None:
    for name, value in (("RAY_TMPDIR", ray_tmpdir), ("TMPDIR", tmpdir)):
        monkeypatch.delenv(name, raising=False)
        if value:
            monkeypatch.setenv(name, value)
    assert str(temporary_folder()) == ray._common.utils.get_default_ray_temp_dir()


def test_a_temporary_folder_that_is_a_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", "/dev/null")
    with pytest.raises(ResourceError, match="RAY_TMPDIR='/dev/null': Ray cannot create its folder"):
        check_sockets()


def test_a_cluster_without_drivers_is_told_how_to_start_its_head(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for drivers in ({}, {"trial_driver": 8.0}):  # a trial may take them all
        monkeypatch.setattr(ray, "cluster_resources", lambda own=drivers: {"CPU": 8.0, **own})
        with pytest.raises(ResourceError, match=r"--resources='\{\"trial_driver\": 64\}'"):
            session._check_drivers("auto")
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 8.0, "trial_driver": 64.0})
    session._check_drivers("auto")
