"""A run's paths are valid from any folder, and after it has been moved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sweeper.config.load import load_config
from sweeper.config.run_paths import started_in
from sweeper.use.finished import read_run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run's output, store, images, weights and a split file; tests run outside."""
    home = tmp_path / "project"
    for name in ("bones", "store", "runs/smoke/results", "elsewhere"):
        (home / name).mkdir(parents=True)
    for name in ("w.safetensors", "groups.csv", "parts.csv", "labels.csv"):
        (home / name).touch()
    monkeypatch.chdir(home)
    config = load_config(
        "smoke",
        [
            "data.path=bones",
            "data.group_by=groups.csv",
            "data.labels=labels.csv",
            "weights.mobilenet=w.safetensors?a=b",
            "split.file=parts.csv",
            "split.policies=[file]",
        ],
    )
    out = Path("runs/smoke")
    about = {"config": config.model_dump(mode="json"), "paths": started_in(out)}
    (out / "results" / "run.json").write_text(json.dumps(about))
    monkeypatch.chdir(tmp_path)
    return home


def places(folder: Path) -> dict[str, str]:
    config = read_run(folder).config
    return {
        "store": config.store,
        "images": str(config.data.path),
        "groups": str(config.data.group_by),
        "labels": str(config.data.labels),
        "split": str(config.split.file),
        "weights": config.weights["mobilenet"],
    }


def below(home: Path) -> dict[str, str]:
    return {
        "store": f"{home}/store",
        "images": f"{home}/bones",
        "groups": f"{home}/groups.csv",
        "labels": f"{home}/labels.csv",
        "split": f"{home}/parts.csv",
        "weights": f"{home}/w.safetensors?a=b",
    }


def test_paths_are_those_of_the_folder_that_the_run_was_started_in(project: Path) -> None:
    assert places(project / "runs" / "smoke") == below(project)


def test_a_run_s_folder_may_be_moved_alone(project: Path, tmp_path: Path) -> None:
    moved = (project / "runs" / "smoke").rename(tmp_path / "moved")
    assert places(moved) == below(project)


def test_a_run_may_be_moved_with_everything_it_depends_on(project: Path, tmp_path: Path) -> None:
    moved = project.rename(tmp_path / "other")
    assert places(moved / "runs" / "smoke") == below(moved)


def test_a_run_without_recorded_paths_is_unchanged(project: Path) -> None:
    file = project / "runs" / "smoke" / "results" / "run.json"
    about = json.loads(file.read_text())
    del about["paths"]
    file.write_text(json.dumps(about))
    assert places(project / "runs" / "smoke")["store"] == "store"


def test_a_remote_store_and_a_rule_are_not_paths(project: Path) -> None:
    file = project / "runs" / "smoke" / "results" / "run.json"
    about = json.loads(file.read_text())
    about["config"]["store"] = "s3://bucket/prefix"
    about["config"]["data"]["group_by"] = "(a+)/"
    about["config"]["weights"] = {"mobilenet": "none", "vgg16": "imagenet"}
    file.write_text(json.dumps(about))
    config = read_run(file.parents[1]).config
    assert (config.store, config.data.group_by) == ("s3://bucket/prefix", "(a+)/")
    assert config.weights == {"mobilenet": "none", "vgg16": "imagenet"}
