"""What a session has, what it refuses because it would wait for ever, and what Tune is given."""

import pytest
import ray

from sweeper import runner
from sweeper.asha import CellAsha
from sweeper.errors import ResourceError
from sweeper.runner import Resources, _resources


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


def test_a_cluster_that_may_grow_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert _resources(None, 16, 1).workers_per_trial == 16
    assert _resources(1.0, 1, 1).gpus_per_trial == 1


def test_one_worker_is_taken_on_the_smallest_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 0.5})
    assert _resources(None, 1, 1).workers_per_trial == 1


def test_tune_is_given_so_many_trials_at_a_time_and_all_of_them_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[list[int]] = []

    def run_batch(work: object, configs: list[dict[str, int]], *others: object) -> None:
        given.append([config["key"] for config in configs])

    monkeypatch.setattr(runner, "_run_batch", run_batch)
    monkeypatch.setattr(runner, "_AT_A_TIME", 3)
    configs = [{"key": number} for number in range(7)]
    runner.run_configs(print, configs, CellAsha(), {"cpu": 1.0}, [], reuse_actors=True)
    assert given == [[0, 1, 2], [3, 4, 5], [6]]
