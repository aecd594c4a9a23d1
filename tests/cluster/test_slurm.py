"""The batch script for SLURM, run with simulated `srun`, `scontrol` and `ray`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ray.scripts.symmetric_run import curate_and_validate_ray_start_args

SCRIPT = Path(__file__).parents[2] / "docs" / "how-to" / "cluster" / "slurm.sh"
_COMMANDS = {
    "scontrol": "echo first; echo second",
    "srun": '"$@"',
    "ray": 'printf "%s\\n" "$@"; echo "$RAY_AUTH_MODE"; exit 1',
}


@pytest.fixture
def submitted(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """What the script does on two nodes; `ray` prints its arguments and fails."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    for name, body in _COMMANDS.items():
        (tmp_path / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    job = {
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_JOB_NODELIST": "[first,second]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_PER_TASK": "16",
    }
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **job}
    command = ["bash", str(SCRIPT), "run", "grouped", "--set", "data.path=/shared/my images"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_first_node_runs_the_command_with_its_arguments(
    submitted: subprocess.CompletedProcess[str],
) -> None:
    arguments = submitted.stdout.splitlines()
    assert arguments[:5] == ["symmetric-run", "--address", "first:6379", "--min-nodes", "2"]
    assert arguments[arguments.index("--") + 1 : -1] == [
        *("env", "RAY_ADDRESS=first:6379", "python", "sweep.py"),
        *("run", "grouped", "--set", "data.path=/shared/my images"),
    ]
    assert arguments[-1] == "token"


def test_ray_accepts_the_start_options(submitted: subprocess.CompletedProcess[str]) -> None:
    arguments = submitted.stdout.splitlines()
    options = curate_and_validate_ray_start_args(arguments[1 : arguments.index("--")])
    assert options == ["--num-cpus=16", '--resources={"trial_driver": 64}']


def test_the_job_fails_with_the_command(submitted: subprocess.CompletedProcess[str]) -> None:
    assert submitted.returncode == 1
