"""Check that Ray can be reached or started before calling `ray.init`, which waits minutes for a
cluster that is gone and prints warnings meanwhile.
"""

from __future__ import annotations

import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from sweeper.errors import ResourceError

_VARIABLE = "RAY_ADDRESS"
_PATIENCE_S = 5.0
# What opens HTTP/2, which gRPC speaks: a greeting and empty settings, answered by settings.
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS = 4
_LONGEST_SOCKET = 107  # bytes of a path; 103 on macOS, whose temporary folder Ray does not take


def cluster_address() -> str | None:
    """The cluster that RAY_ADDRESS names; None if Ray is started on this machine."""
    address = os.environ.get(_VARIABLE, "")
    return None if address in ("", "local") else address


def check_ray() -> None:
    """Raises ResourceError if the cluster of RAY_ADDRESS does not answer, or if no Ray can be
    started here."""
    if address := cluster_address():
        check_cluster(address)
    else:
        check_sockets()


def check_cluster(address: str) -> None:
    """Raises ResourceError if no Ray answers at the address."""
    try:
        host, port = _host_and_port(address)
        with socket.create_connection((host, port), timeout=_PATIENCE_S) as connection:
            if os.environ.get("RAY_USE_TLS") in (None, "", "0") and not _speaks_grpc(connection):
                raise ConnectionError("something else listens there")
    except (OSError, ValueError, OverflowError) as error:
        raise unreachable(address, error) from None


def unreachable(address: str, error: BaseException) -> ResourceError:
    """The error for a cluster that cannot be joined."""
    reason = getattr(error, "strerror", None) or str(error).partition(". ")[0] or "no answer"
    return ResourceError(
        f"{_VARIABLE}='{address}': no Ray cluster can be joined there ({reason}); unset "
        f"{_VARIABLE} to run on this machine, or set it to the host:port of a running head"
    )


def check_sockets() -> None:
    """Raises ResourceError if Ray's temporary folder is not writable or too deep for sockets."""
    name = "RAY_TMPDIR" if "RAY_TMPDIR" in os.environ else "TMPDIR"
    folder = temporary_folder()
    session = f"session_{datetime.now(UTC):%Y-%m-%d_%H-%M-%S_%f}_{2**22}"  # a process id at most
    length = len(os.fsencode(folder / session / "sockets" / "plasma_store"))
    if length > _LONGEST_SOCKET:
        raise ResourceError(
            f"{name}='{os.environ.get(name)}': too long for Ray's sockets, whose paths would have "
            f"{length} bytes (at most {_LONGEST_SOCKET}); set RAY_TMPDIR=/tmp"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(
            f"{name}='{os.environ.get(name, folder.parent)}': Ray cannot create its folder there "
            f"({error.strerror}); set RAY_TMPDIR to a writable folder"
        ) from None


def temporary_folder() -> Path:
    """Where Ray keeps its sessions."""
    is_linux = sys.platform.startswith("linux")
    parent = os.environ.get("TMPDIR", "/tmp") if is_linux else "/tmp"
    return Path(os.environ.get("RAY_TMPDIR", parent)) / "ray"


def _host_and_port(address: str) -> tuple[str, int]:
    """Raises ConnectionError if `auto` finds no cluster, ValueError for an invalid address."""
    place = address.removeprefix("ray://")
    if place == "auto":
        import ray  # seconds, which a run without work does not need

        found = ray._private.services.canonicalize_bootstrap_address(place)
        place = found or ""
    host, colon, port = place.rpartition(":")
    if not host or not colon or not port.isdecimal():
        raise ValueError("expected host:port, or auto")
    return host.strip("[]"), int(port)


def _speaks_grpc(connection: socket.socket) -> bool:
    connection.sendall(_GREETING)
    answer = connection.recv(9)  # the head of a frame; its type is the fourth byte
    return len(answer) >= 4 and answer[3] == _SETTINGS
