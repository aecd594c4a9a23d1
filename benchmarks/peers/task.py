"""What every contender is given, and what it hands back; imports nothing of the project.

A contender runs as a process of its own: `python -m benchmarks.peers.NAME TASK.json`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Task:
    """The split is a CSV file with columns image_id, path, label, group and part.

    `weights`: safetensors of the timm model `model`, which `model_args` build.
    """

    split: str
    weights: str
    model: str
    model_args: dict[str, Any]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    image_size: int
    epochs: int
    batch_size: int
    workers: int
    seed: int
    out: str

    @classmethod
    def read(cls) -> Task:
        """The task named on the command line."""
        return cls(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @property
    def images(self) -> pd.DataFrame:
        """The images, in the order of the file."""
        return pd.read_csv(self.split, dtype={"image_id": str, "label": str, "group": str})

    def of(self, part: str) -> pd.DataFrame:
        images = self.images
        return images[images["part"] == part].reset_index(drop=True)

    @property
    def classes(self) -> list[str]:
        return sorted(self.images["label"].unique())


class Result:
    """Predictions of the test images, and when they were there; written by `hand_in`."""

    def __init__(self, task: Task) -> None:
        self.task, self.started = task, time.perf_counter()

    def hand_in(
        self, name: str, predicted: Sequence[int] | np.ndarray, packages: Sequence[str]
    ) -> None:
        """Write the class numbers (n,) predicted for the test images, in their order.

        `name`: which of the contender's results. Times count from the start of the process' work.
        """
        seconds = time.perf_counter() - self.started
        classes = np.array(self.task.classes)
        rows = self.task.of("test")[["image_id"]].assign(predicted=classes[np.asarray(predicted)])
        folder = Path(self.task.out)
        rows.to_csv(folder / f"{name}.csv", index=False)
        about = {"seconds": seconds, "versions": {one: version(one) for one in packages}}
        (folder / f"{name}.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
