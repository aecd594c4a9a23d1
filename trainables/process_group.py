"""Set up torch's process group between the workers of a trial, on the network of Ray's nodes.

Ray's own backend resolves each machine's host name, which is often 127.0.0.1 (Debian's /etc/hosts),
and its rendezvous listens on every network. Here both use the address under which Ray knows the
machine, which is 127.0.0.1 if Ray was started for one machine only.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psutil
import ray
from ray.train._internal.base_worker_group import BaseWorkerGroup
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend
from torch.distributed import Store, TCPStore, init_process_group  # type: ignore[attr-defined]

_INTERFACES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
_rendezvous: list[Store] = []  # rank 0 keeps its store alive as long as the process


@dataclass
class NodeNetwork(TorchConfig):
    """Ray Train's process group configuration: nccl if the workers have GPUs, else gloo."""

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        return _NodeNetworkBackend


class _NodeNetworkBackend(_TorchBackend):
    def on_start(self, worker_group: Any, backend_config: Any) -> None:
        try:
            _connect(worker_group, backend_config.timeout_s)
        except BaseException:
            # Ray Train 2.60 loses a group that fails to start, with the resources it reserved.
            worker_group.abort()
            raise


def _connect(workers: BaseWorkerGroup, timeout_s: int) -> None:
    backend = "nccl" if workers.get_resources_per_worker().get("GPU", 0) else "gloo"
    host, port = workers.execute_single(0, _serve_rendezvous)
    joining: list[Any] = [
        workers.execute_single_async(
            rank, _join, backend, host, port, rank, len(workers), timeout_s
        )
        for rank in range(len(workers))
    ]
    ray.get(joining)


def _serve_rendezvous() -> tuple[str, int]:
    """Start a store on rank 0 that listens on this node's address only; returns host and port."""
    host = str(ray.util.get_node_ip_address())
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, 0), family=family)
    port = int(listening.getsockname()[1])
    _rendezvous.append(
        TCPStore(
            host, port, None, True, wait_for_workers=False, master_listen_fd=listening.detach()
        )
    )
    return host, port


def _join(backend: str, host: str, port: int, rank: int, workers: int, timeout_s: int) -> None:
    if name := interface_of(ray.util.get_node_ip_address()):
        for variable in _INTERFACES:
            os.environ.setdefault(variable, name)
    timeout = timedelta(seconds=timeout_s)
    store = TCPStore(host, port, None, False, timeout=timeout)
    init_process_group(backend, store=store, rank=rank, world_size=workers, timeout=timeout)


def interface_of(address: str) -> str:
    """The network interface of this machine that has an IP address; "" if none has."""
    for name, addresses in psutil.net_if_addrs().items():
        if address in {entry.address.partition("%")[0] for entry in addresses}:
            return str(name)
    return ""
