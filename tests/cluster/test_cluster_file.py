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

from datasets.drawn.synthetic import write_synthetic

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


def login(home: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A command in a shell of a node, as its set-up left `home`."""
    return subprocess.run(
        ["bash", "-c", f". {ROOT}/configs/cluster.env; {command}"],
        cwd=home,
        env={"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )


def _not_copied(folder: str, names: list[str]) -> set[str]:
    """What a user's checkout has beside the project's files."""
    output = {"runs", "store", "node_modules"} if Path(folder) == ROOT else set()
    return {name for name in names if name.startswith(".") or name in output}


def test_no_source_is_ignored_where_files_are_copied_to_nodes() -> None:
    """rsync and Ray leave out what .gitignore lists."""
    command = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ignored.stdout == ""


@pytest.fixture
def home(tmp_path: Path, cluster: dict[str, Any]) -> Path:
    """A node's home after set-up: the project, and what the user's lines write."""
    shutil.copytree(ROOT, tmp_path / "sweeper-project", ignore=_not_copied)
    for line in cluster["setup_commands"]:
        if "sweeper-yours.env" in line:
            subprocess.run(["bash", "-c", line], env={"HOME": str(tmp_path)}, check=True)
    return tmp_path


@pytest.fixture
def home_with_images(home: Path) -> Path:
    """A home where images are copied to every node, as the comment in cluster.yaml says."""
    (found,) = re.findall(r"set (SWEEP_IMAGES=\S+):", (ROOT / "cluster.yaml").read_text())
    with (home / "sweeper-yours.env").open("a") as file:
        file.write(f"export {found}\n")
    write_synthetic(home / "sweeper-images", images_per_class=4, seed=0)
    return home


def test_every_shell_line_parses(cluster: dict[str, Any]) -> None:
    lines = [line for key, value in cluster.items() if key.endswith("_commands") for line in value]
    assert len(lines) > 8
    for line in lines:
        subprocess.run(["bash", "-n", "-c", line], check=True)


def test_a_login_names_the_users_bucket_config_and_images(home: Path) -> None:
    told = login(home, "echo $SWEEP_CONFIG $SWEEP_SET; echo $RAY_AUTH_MODE $RAY_ADDRESS").stdout
    assert told.splitlines() == [
        "paper store=s3://BUCKET/sweeper data.path=s3://BUCKET/images",
        "token auto",
    ]


def test_the_script_alone_finds_the_project(home_with_images: Path) -> None:
    """`ray submit` copies only sweep.py to the head's home and runs it there."""
    home = home_with_images
    shutil.copy(ROOT / "sweep.py", home)
    ran = login(home, f"python sweep.py plan smoke --set store={home}/store")
    assert ran.returncode == 0, ran.stderr
    assert "mobilenet" in ran.stdout
    assert "40 images in 10 classes" in ran.stdout


def test_a_job_runs_the_files_it_brought_and_not_those_on_the_head(home: Path) -> None:
    brought = home / "brought"
    (home / "sweeper-project").rename(brought)
    assert login(home, "python brought/sweep.py run --help").returncode == 0


def test_the_script_without_a_project_says_so_in_a_line(home: Path) -> None:
    shutil.copy(ROOT / "sweep.py", home)
    shutil.rmtree(home / "sweeper-project")
    ran = login(home, "python sweep.py plan smoke")
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "no checkout of the project there" in ran.stderr


def test_the_project_that_is_mounted_leaves_out_what_git_ignores(cluster: dict[str, Any]) -> None:
    ignored = (ROOT / ".gitignore").read_text().split()
    assert cluster["rsync_filter"] == [".gitignore"]
    assert {".venv/", "/runs/", "/store/"} <= set(ignored)


def test_one_token_is_asked_for_everywhere_and_the_dashboard_is_on_loopback(
    cluster: dict[str, Any],
) -> None:
    assert cluster["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        starts = [line for line in cluster[key] if "ray start" in line]
        assert starts
        assert all("RAY_AUTH_MODE=token" in line for line in starts)
    assert "chmod 600 ~/.ray/auth_token" in cluster["setup_commands"]
    assert "--dashboard-host=127.0.0.1" in " ".join(cluster["head_start_ray_commands"])


def test_the_variant_without_gpus_is_as_good_as_the_other() -> None:
    text = (ROOT / "cluster.yaml").read_text(encoding="utf-8")
    start, end = text.index("  # cpu_worker:"), text.index("  # On a single machine")
    types = text.index("  gpu_worker:")
    variant = re.sub(r"^  # ", "  ", text[start:end], flags=re.M)
    cluster = prepare_config(yaml.safe_load(text[:types] + variant + text[end:]))
    validate_config(cluster)
    worker = cluster["available_node_types"]["cpu_worker"]
    assert worker["resources"] == {"CPU": 16}
    assert worker["node_config"]["IamInstanceProfile"] == {"Name": "sweeper-worker"}
    assert "canonical" in worker["node_config"]["ImageId"]
