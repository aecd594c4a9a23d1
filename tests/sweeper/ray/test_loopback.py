"""Whatever a run on one machine starts listens to that machine only."""

import ipaddress
import os
from pathlib import Path
from typing import Any

import psutil
import ray
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

from trainables.process_group import NodeNetwork

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@ray.remote
def wait_for(seconds: float) -> int:
    import time

    time.sleep(seconds)
    return os.getpid()


def _train(config: dict[str, Any]) -> None:
    """On each of two workers: where it listens, in a file."""
    where = "\n".join(str(address) for address in _listening(psutil.Process()))
    Path(config["folder"], str(os.getpid())).write_text(where)


def test_every_port_of_a_session_is_on_loopback(ray_session: None, tmp_path: Path) -> None:
    """Of one for trials of two workers: it has a dashboard too."""
    assert "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER" not in os.environ
    assert ray.get(wait_for.remote(0.1)) != os.getpid()
    me = psutil.Process()
    listening = _listening(me, *me.children(recursive=True))
    TorchTrainer(
        _train,
        train_loop_config={"folder": str(tmp_path)},
        torch_config=NodeNetwork(),
        scaling_config=ScalingConfig(num_workers=2, resources_per_worker={"CPU": 0.8}),
        run_config=RunConfig(storage_path=str(tmp_path / "runs")),
    ).fit()
    of_workers = [path.read_text().split() for path in tmp_path.iterdir() if path.is_file()]
    assert [len(ports) >= 2 for ports in of_workers] == [True, True]  # Ray's own and gloo's
    assert len(listening) >= 6  # control store, raylet, agents, dashboard, driver, worker
    listening += [ipaddress.ip_address(port) for ports in of_workers for port in ports]
    assert all(_is_loopback(address) for address in listening), listening


def _listening(*processes: psutil.Process) -> list[Address]:
    """The addresses at which processes listen."""
    return [
        ipaddress.ip_address(connection.laddr.ip)
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]


def _is_loopback(address: Address) -> bool:
    inner = getattr(address, "ipv4_mapped", None)
    return (inner or address).is_loopback
