"""What Tune is given."""

import pytest

from sweeper.ray import trials as runner
from sweeper.ray.asha import CellAsha


def test_tune_is_given_so_many_trials_at_a_time_and_all_of_them_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[list[int]] = []

    def run_batch(work: object, configs: list[dict[str, int]], *others: object) -> None:
        given.append([config["key"] for config in configs])

    monkeypatch.setattr(runner, "_run_batch", run_batch)
    monkeypatch.setattr(runner, "_AT_A_TIME", 3)
    configs = [{"key": number} for number in range(7)]
    runner.run_configs(
        lambda config: None, configs, CellAsha(), {"cpu": 1.0}, [], reuse_actors=True
    )
    assert given == [[0, 1, 2], [3, 4, 5], [6]]
