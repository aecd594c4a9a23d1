"""The peers' own environment: their packages never enter that of the project."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("fastai", "timm", "scikit-learn", "pandas", "torch", "torchvision", "safetensors")


def python_of(folder: Path, packages: Sequence[str] = PACKAGES) -> Path:
    """The interpreter of the environment in `folder`, which is made if it is not there."""
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-c", str(ROOT / "constraints.txt"), *packages], check=True)
        ready.touch()
    return python
