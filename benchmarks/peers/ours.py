"""The project as a contender: the command on an empty store, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmarks.peers.environment import ROOT
from benchmarks.peers.task import Task

BACKBONE = "mobilenet"


@dataclass(frozen=True)
class Ours:
    """What a run trains; the cell of the last strategy is the contender's result."""

    title: str
    strategies: Sequence[str]
    grid: Mapping[str, Any]
    pooling: str = "model"  # as configs/default.yaml


CONTENDERS = {
    "linear": Ours("linear", ["linear"], {}),
    "transfer_paper": Ours(
        "transfer, recipe `paper`", ["transfer"], {"recipes": ["paper"]}, pooling="max"
    ),
    "transfer_modern": Ours("transfer, recipe `modern`", ["transfer"], {"recipes": ["modern"]}),
    "finetune_paper": Ours(
        "fine-tuning, recipe `paper`",
        ["transfer", "finetune"],
        {"recipes": ["paper"]},
        pooling="max",
    ),
    "finetune_modern": Ours(
        "fine-tuning, recipe `modern`", ["transfer", "finetune"], {"recipes": ["modern"]}
    ),
}


def run_ours(name: str, task: Task, data: str, folder: Path) -> pd.DataFrame:
    """Run a contender in `folder`; image_id and predicted (a class name) of the test images."""
    folder.mkdir(parents=True)
    contender = CONTENDERS[name]
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(_config(contender, task, data, folder)), encoding="utf-8")
    out = folder / "run"
    command = [sys.executable, str(ROOT / "sweep.py"), "run", str(config), "--out", str(out)]
    environment = {**os.environ, "SWEEP_SET": ""}
    with (folder / "log.txt").open("w") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, cwd=folder, env=environment)
    predictions = pd.read_parquet(out / "results" / "predictions.parquet")
    own = predictions[predictions["strategy"] == contender.strategies[-1]]
    return own[["image_id", "predicted"]]


def _config(contender: Ours, task: Task, data: str, folder: Path) -> dict[str, Any]:
    arguments = {**task.model_args, "mean": task.mean[0], "std": task.std[0]}
    weights = f"{task.weights}?" + "&".join(f"{name}={one}" for name, one in arguments.items())
    grid = {"backbones": [BACKBONE], "augmentations": ["none"], **contender.grid}
    return {
        "name": "peers",
        "store": str(folder / "store"),
        "data": {"path": data, "near_duplicates": False},
        "preprocess": {"image_size": task.image_size},
        "split": {"policies": ["file"], "file": task.split, "file_unlisted": "leave_out"},
        "grid": {**grid, "strategies": list(contender.strategies), "seeds": [task.seed]},
        "weights": {BACKBONE: weights},
        "head": {"pooling": contender.pooling},
        "search": {"draws": 1, "epochs": task.epochs, "scheduler": "none"},
        "explain": {"examples": 0},
        "robustness": {"champions": "none"},  # peers test and explain nothing of the kind
    }
