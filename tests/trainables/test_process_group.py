"""Workers of a trial find each other on Ray's network, or release their resources."""

import json
import os
import time
from pathlib import Path

import psutil
import pytest
import ray
import ray.train
import torch
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

from trainables.process_group import NodeNetwork, interface_of


def _meet(config: dict[str, str]) -> None:
    """Write this worker's findings to a file."""
    total = torch.ones(1) * (torch.distributed.get_rank() + 1)
    torch.distributed.all_reduce(total)
    found = {
        "total": total.item(),
        "listens": [
            one.laddr.ip
            for one in psutil.Process().net_connections("inet")
            if one.status == psutil.CONN_LISTEN
        ],
        "addresses": [
            one.address for one in psutil.net_if_addrs()[os.environ["GLOO_SOCKET_IFNAME"]]
        ],
    }
    name = f"{torch.distributed.get_backend()}-{torch.distributed.get_rank()}"
    Path(config["folder"], name).write_text(json.dumps(found))


def _run(folder: Path, **environment: str) -> None:
    """Let two workers meet, with these environment variables."""
    TorchTrainer(
        _meet,
        train_loop_config={"folder": str(folder)},
        torch_config=NodeNetwork(timeout_s=60),
        scaling_config=ScalingConfig(num_workers=2, resources_per_worker={"CPU": 0.8}),
        run_config=RunConfig(
            storage_path=str(folder / "runs"),
            worker_runtime_env={"env_vars": environment},
            failure_config=FailureConfig(controller_failure_limit=0),  # type: ignore[call-arg]
        ),
    ).fit()


@pytest.mark.usefixtures("ray_session")
def test_workers_meet_at_the_address_known_to_ray(tmp_path: Path) -> None:
    _run(tmp_path)
    results = {path.name: json.loads(path.read_text()) for path in tmp_path.glob("gloo-*")}
    assert set(results) == {"gloo-0", "gloo-1"}
    for one in results.values():
        assert one["total"] == 1 + 2
        assert ray.util.get_node_ip_address() in one["listens"]
        assert ray.util.get_node_ip_address() in one["addresses"]


@pytest.mark.usefixtures("ray_session")
def test_workers_that_do_not_meet_release_their_resources(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="nowhere"):
        _run(tmp_path, GLOO_SOCKET_IFNAME="nowhere")  # the user's setting is kept
    deadline = time.monotonic() + 20
    while ray.available_resources().get("CPU") != 2:
        assert time.monotonic() < deadline, ray.available_resources()
        time.sleep(0.2)


def test_an_address_is_found_at_its_interface_and_an_unknown_one_nowhere() -> None:
    assert interface_of("127.0.0.1") in psutil.net_if_addrs()
    assert interface_of("192.0.2.77") == ""
