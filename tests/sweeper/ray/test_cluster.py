import json
from pathlib import Path

import pytest
import ray
import yaml
from ray.util.state.common import PlacementGroupState
from ray.util.state.exception import ServerUnavailable

from sweeper.cli import main
from sweeper.errors import ResourceError
from sweeper.ray import cluster
from sweeper.ray.cluster import (
    give_back_what_the_dead_reserved,
    most_resources,
    workers_environment,
)

CLUSTER = {
    "max_workers": 5,
    "available_node_types": {
        "head": {"resources": {"CPU": 0}, "max_workers": 5},  # what Ray fills in
        "gpu": {"resources": {"CPU": 8, "GPU": 1}, "max_workers": 3},
        "cpu": {"resources": {"CPU": 16}, "max_workers": 4},
    },
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SWEEP_MOST", raising=False)
    return tmp_path


def test_a_cluster_without_workers_counts_those_that_its_file_allows(home: Path) -> None:
    (home / "ray_bootstrap_config.yaml").write_text(yaml.safe_dump(CLUSTER))
    most = most_resources({"trial_driver": 64.0})
    assert most == {"CPU": 4 * 16 + 1 * 8, "GPU": 3, "trial_driver": 64}


def test_what_is_there_is_never_counted_away(home: Path) -> None:
    (home / "ray_bootstrap_config.yaml").write_text(yaml.safe_dump(CLUSTER))
    assert most_resources({"GPU": 9.0})["GPU"] == 9


def test_a_cluster_that_does_not_grow_is_what_it_is(home: Path) -> None:
    assert most_resources({"CPU": 4.0}) == {"CPU": 4}


def test_the_variable_tells_it_where_there_is_no_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEP_MOST", "CPU=56,GPU=8")
    assert most_resources({"CPU": 0.0}) == {"CPU": 56, "GPU": 8}


@pytest.mark.parametrize("text", ["CPU", "CPU=many", "CPU=1=2"])
def test_a_variable_that_cannot_be_read_is_a_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SWEEP_MOST", text)
    with pytest.raises(ResourceError, match=r"SWEEP_MOST='CPU.*expected"):
        most_resources({})


def test_workers_get_the_project_and_its_variables(home: Path) -> None:
    environment = workers_environment(home, {"A": "1"})
    assert environment == {"working_dir": str(home), "env_vars": {"A": "1"}}


def test_what_a_job_has_brought_is_not_told_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {"runtime_env": {"working_dir": "gcs://_ray_pkg_1.zip", "env_vars": {"A": "2"}}}
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps(job))
    assert workers_environment(home, {"A": "1", "B": "1"}) == {"env_vars": {"B": "1"}}


def test_settings_of_the_environment_come_before_those_of_the_command(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWEEP_SET", "data.path=/nowhere store=/dev/null/x")
    assert main(["plan", "smoke", "--set", f"store={home}/store"]) == 2
    assert "data.path='/nowhere'" in capsys.readouterr().err


def group(job: str, state: str = "CREATED", detached: bool = False) -> PlacementGroupState:
    return PlacementGroupState(
        placement_group_id=f"{len(job) + len(state) + detached:028x}{job}",
        name="",
        creator_job_id=job,
        state=state,
        is_detached=detached,
    )


def test_only_what_dead_drivers_left_reserved_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dead, alive = "04000000", "05000000"
    left = group(dead)
    groups = [left, group(dead, detached=True), group(dead, "REMOVED"), group(alive)]
    jobs = [{"JobID": dead, "IsDead": True}, {"JobID": alive, "IsDead": False}]
    removed: list[str] = []
    monkeypatch.setattr(ray._private.state, "jobs", lambda: jobs)
    monkeypatch.setattr(cluster, "list_placement_groups", lambda **options: groups)
    monkeypatch.setattr(
        cluster, "remove_placement_group", lambda group: removed.append(group.id.hex())
    )
    assert give_back_what_the_dead_reserved() == [left.placement_group_id]
    assert removed == [left.placement_group_id]


def test_a_cluster_that_cannot_be_asked_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_dashboard(**options: object) -> None:
        raise ServerUnavailable("no dashboard")

    monkeypatch.setattr(ray._private.state, "jobs", list)
    monkeypatch.setattr(cluster, "list_placement_groups", without_dashboard)
    assert give_back_what_the_dead_reserved() == []
