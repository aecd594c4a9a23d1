"""Whatever a run on one machine starts listens to that machine only."""

import ipaddress
import os

import psutil
import pytest
import ray

from sweeper.runner import ray_session


@ray.remote
def wait_for(seconds: float) -> int:
    import time

    time.sleep(seconds)
    return os.getpid()


def test_every_port_of_a_session_is_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    before = dict(os.environ)
    with ray_session(1, 0.0, workers_per_trial=2):  # with two there is a dashboard too
        assert "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER" not in set(os.environ) - set(before)
        assert ray.get(wait_for.remote(0.1)) != os.getpid()
        me = psutil.Process()
        listening = [
            ipaddress.ip_address(connection.laddr.ip)
            for process in (me, *me.children(recursive=True))
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
    assert len(listening) >= 6  # control store, raylet, agents, dashboard, driver, worker
    assert all(_is_loopback(address) for address in listening), listening


def _is_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    inner = getattr(address, "ipv4_mapped", None)
    return (inner or address).is_loopback
