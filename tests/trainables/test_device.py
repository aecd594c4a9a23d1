"""The device of a worker is the one that Ray assigned to it, whatever the process can see."""

import json
import os
import subprocess
import sys

import pytest
import torch

from trainables.device import assigned_device, device_of, has_fast_bfloat16

_TASKS = """
import json, ray
from trainables.device import _assigned_gpus

ray.init(address="local", num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False)
remote = ray.remote(lambda: sorted(_assigned_gpus()))
shares = (0, 0.5, 1, 2)
print(json.dumps([ray.get(remote.options(num_gpus=share).remote()) for share in shares]))
"""


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


@pytest.mark.ray
def test_ray_assigns_named_gpus_by_share() -> None:
    environment = {**os.environ, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    command = [sys.executable, "-c", _TASKS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    none, half, one, both = json.loads(done.stdout.splitlines()[-1])
    assert none == []
    assert len(half) == len(one) == 1
    assert both == ["0", "1"]
