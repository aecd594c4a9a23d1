"""What a worker imports before it starts to work, and a command before it has read its arguments:
every process of a run pays for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.use.finished import FinishedRun
from tests.sweeper.conftest import SMALL

ROOT = Path(__file__).parents[3]
BUILDS_NETWORKS = {"timm", "torchvision", "torch._dynamo", "sympy"}
MEASURES = {"sklearn", "scipy"}
REPORTS = {"statsmodels", "jinja2", "matplotlib"}
OTHERS = {"albumentations", "captum", "onnx", "pydicom", "imagecodecs"}
PLANS = REPORTS | {"torch", "ray", "timm", "scipy.stats", "sklearn"}
UNUSED = BUILDS_NETWORKS | MEASURES | REPORTS | OTHERS


@pytest.mark.parametrize(
    ("entry", "unwanted"),
    [
        ("sweeper.ray.trials", UNUSED),
        ("sweeper.run.champions", UNUSED | {"ray.tune", "ray.data"}),
        ("datasets.shards", UNUSED | {"torch", "ray"}),
        ("sweeper.cli", PLANS | {"numpy", "pandas", "pyarrow", "pydantic", "yaml", "cv2"}),
        ("sweeper.budget.decision", PLANS),
        ("sweeper.plan.foreseen", PLANS),
        ("sweeper.run.pipeline", {"torch", "ray", "timm", "albumentations"}),
    ],
)
def test_a_process_imports_only_what_it_uses(entry: str, unwanted: set[str]) -> None:
    code = f"import sys, {entry}; print(*sorted({unwanted} & {{*sys.modules}}))"
    assert printed_by(code, {}) == ""


def printed_by(code: str, environment: dict[str, str]) -> str:
    """The last line that a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def test_a_plan_of_a_known_collection_needs_no_torch(tmp_path: Path) -> None:
    """What the first one had to find out is in the store, and in the machine's cache."""
    command = ["plan", "smoke", "--set", f"store={tmp_path / 'store'}", "--out", str(tmp_path)]
    code = f"import sys; from sweeper.cli import main; main({command}); "
    code += f"print(*sorted({PLANS} & {{*sys.modules}}))"
    environment = {"SWEEPER_CACHE": str(tmp_path / "cache")}
    first, second = (printed_by(code, environment) for _ in range(2))
    assert "torch" in first.split()
    assert second == ""


def test_a_run_with_nothing_to_do_needs_neither_torch_nor_ray(
    finished_run: FinishedRun, tmp_path: Path
) -> None:
    command = ["run", "smoke", "--set", f"store={finished_run.config.store}"]
    command += [word for setting in SMALL for word in ("--set", setting)]
    code = f"import sys; from sweeper.cli import main; main({[*command, '--out', str(tmp_path)]}); "
    code += "print(*sorted({'torch', 'ray', 'timm'} & {*sys.modules}))"
    environment = {"SWEEPER_CACHE": str(tmp_path / "cache")}
    first, second = (printed_by(code, environment) for _ in range(2))
    assert "ray" not in first.split()
    assert second == ""
