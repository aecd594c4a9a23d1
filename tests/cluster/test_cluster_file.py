"""`ray submit cluster.yaml sweep.py`, as far as it can be checked without a cloud."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from sweeper.config_file import load_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster() -> dict[str, Any]:
    prepared: dict[str, Any] = prepare_config(yaml.safe_load((ROOT / "cluster.yaml").read_text()))
    return prepared


def test_the_cluster_file_satisfies_ray_s_schema(cluster: dict[str, Any]) -> None:
    validate_config(cluster)
    with pytest.raises(Exception, match="unexpected"):
        validate_config({**cluster, "head_nod_type": "head"})


def test_the_head_runs_no_trial_and_workers_scale_from_zero(cluster: dict[str, Any]) -> None:
    types = cluster["available_node_types"]
    assert types[cluster["head_node_type"]]["resources"]["CPU"] == 0
    assert types["gpu_worker"]["min_workers"] == 0 < types["gpu_worker"]["max_workers"]


def test_set_up_uses_files_that_are_there(cluster: dict[str, Any]) -> None:
    named = re.findall(r"~/sweeper-project/([\w./-]+)", " ".join(cluster["setup_commands"]))
    assert named
    assert all((ROOT / name).is_file() for name in named)


def test_the_script_alone_finds_the_project(tmp_path: Path) -> None:
    """`ray submit` copies only sweep.py to the head's home and runs it there."""
    lines = (ROOT / "configs" / "cluster.env").read_text().splitlines()
    exported = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    load_config(exported["SWEEP_CONFIG"])
    shutil.copy(ROOT / "sweep.py", tmp_path)
    shutil.copytree(
        ROOT, tmp_path / "sweeper-project", ignore=shutil.ignore_patterns(".*", "runs", "store")
    )
    home = exported["SWEEP_HOME"].replace("$HOME", str(tmp_path))
    ran = subprocess.run(
        [sys.executable, "sweep.py", "plan", "smoke"],
        cwd=tmp_path,
        env={**os.environ, "SWEEP_HOME": home},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert "mobilenet" in ran.stdout
