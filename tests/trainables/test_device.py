"""The device of a worker is the one that Ray assigned to it, whatever the process can see."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import torch

from trainables import device as module
from trainables.device import (
    Arithmetic,
    assigned_device,
    device_of,
    has_fast_bfloat16,
    local_device,
    placed,
    release_memory,
    resolved_precision,
)

_TASKS = """
import json, ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from trainables.device import _assigned_gpus, assigned_share

ray.init(address="local", num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False)
remote = ray.remote(lambda: (sorted(_assigned_gpus()), assigned_share()))
shares = (0, 0.5, 1, 2)
found = [ray.get(remote.options(num_gpus=share).remote()) for share in shares]
group = placement_group([{"CPU": 1, "GPU": 0.25}])  # as Tune starts its trials
strategy = PlacementGroupSchedulingStrategy(group)
found.append(ray.get(remote.options(num_gpus=0.25, scheduling_strategy=strategy).remote()))
print(json.dumps(found))
"""
CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def _as_torch_starts() -> Iterator[None]:
    """cuDNN rounds to TF32 unless it is told otherwise."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = True
    yield
    torch.backends.cudnn.allow_tf32 = before


def test_a_worker_without_a_gpu_stays_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # it sees the machine's
    assert device_of([]) == torch.device("cpu")
    assert assigned_device() == torch.device("cpu")


def test_an_assigned_gpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    assert device_of(["7"]) == torch.device("cuda", 3)


def test_a_gpu_that_torch_cannot_use_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match=r"Ray assigned GPU 7, .*resources\.gpus_per_trial=0"):
        device_of(["7"])


def test_emulated_bfloat16_is_not_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    for major, fast in ((7, False), (8, True), (9, True)):
        found = type("Properties", (), {"major": major})
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _, found=found: found)
        assert has_fast_bfloat16(torch.device("cuda", 0)) is fast
    assert not has_fast_bfloat16(torch.device("cpu"))


def test_auto_is_bfloat16_only_where_it_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for is_fast, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(module, "has_fast_bfloat16", lambda device, fast=is_fast: fast)
        assert resolved_precision("auto", CUDA) == expected
        assert resolved_precision("float32", CUDA) == "float32"
        assert resolved_precision("bfloat16", CPU) == "bfloat16"


@pytest.mark.parametrize("choose", [assigned_device, local_device])
def test_float32_is_not_rounded_to_tf32(choose: Callable[[], torch.device]) -> None:
    assert Arithmetic.of("float32", CUDA) == Arithmetic("cuda", "float32", tf32=True)
    assert Arithmetic.of("float32", CPU) == Arithmetic("cpu", "float32", tf32=False)
    choose()
    assert Arithmetic.of("bfloat16", CUDA) == Arithmetic("cuda", "bfloat16", tf32=False)
    assert Arithmetic.of("float32", CUDA) == Arithmetic("cuda", "float32", tf32=False)


def test_a_network_can_be_exported_after_the_device_was_chosen() -> None:
    """torch.export reads settings that must not be written by torch's newer names."""
    local_device()
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten())
    exported = torch.export.export(network.eval(), (torch.rand(1, 3, 8, 8),))
    assert exported.module()(torch.ones(1, 3, 8, 8)).shape == (1, 72)


def test_memory_is_given_back_by_a_process_that_has_used_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emptied: list[bool] = []
    for used in (False, True):
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda used=used: used)
        monkeypatch.setattr(torch.cuda, "empty_cache", lambda used=used: emptied.append(used))
        release_memory()
    assert emptied == [True]


@pytest.mark.ray
def test_ray_assigns_named_gpus_by_share() -> None:
    environment = {**os.environ, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    command = [sys.executable, "-c", _TASKS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert [len(gpus) for gpus, _ in found] == [0, 1, 1, 2, 1]
    assert [share for _, share in found] == [0.0, 0.5, 1.0, 1.0, 0.25]
    assert found[3][0] == ["0", "1"]


def test_weights_lie_channels_last_on_a_gpu_and_unchanged_on_a_cpu() -> None:
    """Whether they lie in one order or another makes a difference to the bit."""
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8))
    original = network[0].weight
    here = placed(network, CPU)[0].weight
    assert here is original
    assert here.is_contiguous()
    away = placed(network, torch.device("meta"))[0].weight
    assert away.is_contiguous(memory_format=torch.channels_last)
    assert not away.is_contiguous()
