"""What a session has, and what it refuses because it would wait for ever."""

from pathlib import Path

import pytest
import ray

from sweeper.errors import ResourceError
from sweeper.ray.session import Resources, _resources


@pytest.fixture(autouse=True)
def _two_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})


def test_as_many_workers_as_fit_are_taken_and_one_more_is_one_line() -> None:
    assert _resources(None, 2, 1) == Resources(2, 0.0, 0.0, 2, 1)
    with pytest.raises(ResourceError) as told:
        _resources(None, 3, 1)
    assert str(told.value) == (
        "resources.workers_per_trial=3: Ray sees 2 CPUs and 0 GPUs here, enough for 2 workers"
    )


def test_workers_take_a_gpu_each_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 8.0, "GPU": 2.0})
    assert _resources(None, 2, 1).gpus_per_trial == 1
    with pytest.raises(ResourceError, match="8 CPUs and 2 GPUs here, enough for 2 workers"):
        _resources(None, 3, 1)
    assert _resources(0.0, 3, 1).workers_per_trial == 3


@pytest.mark.parametrize(
    ("gpus_per_trial", "expected"), [(0.25, (3, 1.0)), (1.0, (3, 1.0)), (0.0, (8, 0.0))]
)
def test_extraction_has_a_worker_a_gpu_however_trials_share_it(
    gpus_per_trial: float, expected: tuple[int, float]
) -> None:
    assert Resources(8, 3.0, gpus_per_trial, 1, 2).of_extraction() == expected
    assert Resources(2, 3.0, 1.0, 1, 2).of_extraction() == (2, 1.0)  # each takes a CPU, too


def test_a_cluster_that_may_grow_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _resources(None, 16, 1).workers_per_trial == 16
    assert _resources(1.0, 1, 1).gpus_per_trial == 1


def test_what_a_cluster_cannot_grow_to_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.setenv("SWEEP_MOST", "CPU=16 GPU=4")
    assert _resources(0.5, 4, 1).gpus == 4
    with pytest.raises(ResourceError, match="the cluster has at most 16 CPUs and 4 GPUs, enough"):
        _resources(1.0, 5, 1)
    monkeypatch.setenv("SWEEP_MOST", "CPU=16")
    with pytest.raises(ResourceError, match=r"trial=1: the cluster has at most 0 GPUs; set .*=0"):
        _resources(1.0, 1, 1)


def test_memory_is_set_aside_where_this_machine_says_how_much_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for there, expected in ((8e9, 0.9e9), (0.5e9, 0.5e9)):  # never more than there is
        monkeypatch.setattr(ray, "cluster_resources", lambda own=there: {"CPU": 2.0, "memory": own})
        found = _resources(None, 1, 1)
        assert found.memory_per_trial == found.of_task()["memory"] == expected
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert _resources(None, 1, 1).memory_per_trial == 0


def test_one_worker_is_taken_on_the_smallest_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 0.5})
    assert _resources(None, 1, 1).workers_per_trial == 1
