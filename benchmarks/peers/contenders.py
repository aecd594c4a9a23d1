"""The contenders: programs of other tools and runs of the project, each on one task."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.peers import ours
from benchmarks.peers.environment import ROOT
from benchmarks.peers.task import Task

_PEERS = {
    "timm_features": {"features": "scikit-learn logistic regression on timm features"},
    "fastai_learner": {
        "fastai_frozen": "fastai `vision_learner`, frozen",
        "fastai_unfrozen": "fastai `vision_learner`, frozen, then unfrozen",
    },
    "timm_loop": {"timm": "timm, fine-tuning loop"},
}


@dataclass(frozen=True)
class Outcome:
    """Predictions (image_id, predicted), and the seconds from the start of the process to them."""

    title: str
    predicted: pd.DataFrame
    wall_s: float
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """What contenders need beside the task."""

    python: Path  # of the peers' environment
    data: str
    our_epochs: int


Contender = Callable[[Task, Setting], Iterator[Outcome]]


def _peer(name: str, task: Task, setting: Setting) -> Iterator[Outcome]:
    """Its results; the time of an earlier one ends where it had it."""
    file = Path(task.out) / f"{name}.task.json"
    task.write(file)
    started = time.perf_counter()
    with (Path(task.out) / f"{name}.log").open("w") as log:
        command = [str(setting.python), "-m", f"benchmarks.peers.{name}", str(file)]
        subprocess.run(command, check=True, cwd=ROOT, stdout=log, stderr=log)
    wall_s = time.perf_counter() - started
    about = {
        key: json.loads(Path(task.out, f"{key}.json").read_text(encoding="utf-8"))
        for key in _PEERS[name]
    }
    last_s = max(one["seconds"] for one in about.values())
    for key, title in _PEERS[name].items():
        predicted = pd.read_csv(Path(task.out, f"{key}.csv"), dtype=str)
        seconds = wall_s - last_s + about[key]["seconds"]
        yield Outcome(title, predicted, seconds, about[key]["versions"])


def _own(name: str, task: Task, setting: Setting) -> Iterator[Outcome]:
    started = time.perf_counter()
    own = replace(task, epochs=setting.our_epochs)
    predicted = ours.run_ours(name, own, setting.data, Path(task.out) / name)
    wall_s = time.perf_counter() - started
    yield Outcome(f"ours: {ours.CONTENDERS[name].title}", predicted, wall_s)


CONTENDERS: Mapping[str, Contender] = {
    **{name: partial(_peer, name) for name in _PEERS},
    **{name: partial(_own, name) for name in ours.CONTENDERS},
}
