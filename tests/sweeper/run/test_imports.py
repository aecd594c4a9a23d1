"""What a worker imports before it starts to work, and a command before it has read its arguments:
every process of a run pays for it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BUILDS_NETWORKS = {"timm", "torchvision", "torch._dynamo", "sympy"}
MEASURES = {"sklearn", "scipy"}
REPORTS = {"statsmodels", "jinja2", "matplotlib"}
OTHERS = {"albumentations", "captum", "onnx", "pydicom", "imagecodecs"}
UNUSED = BUILDS_NETWORKS | MEASURES | REPORTS | OTHERS


@pytest.mark.parametrize(
    ("entry", "unwanted"),
    [
        ("sweeper.ray.trials", UNUSED),
        ("sweeper.run.champions", UNUSED | {"ray.tune", "ray.data"}),
        ("datasets.shards", UNUSED | {"torch", "ray"}),
        ("sweeper.cli", REPORTS | {"torch", "ray", "scipy.stats"}),
    ],
)
def test_a_process_imports_only_what_it_uses(entry: str, unwanted: set[str]) -> None:
    code = f"import sys, {entry}; print(*sorted({unwanted} & {{*sys.modules}}))"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout == "\n"
