"""The paper's full grid on a CUDA machine, unattended, with the seconds of each stage.

    python -m benchmarks.gpu [--data FOLDER] [--trials-per-gpu 4] [--set key.path=value ...]

Five backbones, three scenarios, with and without eight copies, transfer and fine-tuning, 100
epochs, random weights unless `--set weights.X=...` says otherwise; then the same command again,
which finds all of it in the store. Not seen on a GPU yet: what it prints is what is known.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.memory import PeakMemory
from benchmarks.report import tell
from sweeper.config.load import load_config
from sweeper.config.schema import Config
from sweeper.progress import Progress
from sweeper.run.pipeline import run_sweep
from trainables.registry import BACKBONES


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--data", help="a folder of class folders; 1130 drawn images if not given")
    parser.add_argument("--trials-per-gpu", type=int, default=4)
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    parser.add_argument("--cpu", action="store_true", help="try the script where there is no GPU")
    options = parser.parse_args()
    if not torch.cuda.is_available() and not options.cpu:
        sys.exit("error: no CUDA device here; --cpu runs the grid without one")
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        config = _config(options, Path(scratch))
        with PeakMemory() as memory:
            rows = _timed_run(config, Path(scratch) / "cold")
        rows += _timed_run(config, Path(scratch) / "warm")
    tell("gpu", rows, _about(options) | {"memory_gb": memory.peak_bytes / 1e9})


def _config(options: argparse.Namespace, scratch: Path) -> Config:
    drawn = ["data.source=synthetic", "data.path=null", "data.synthetic.images_per_class=113"]
    return load_config(
        "paper",
        [
            *([f"data.path={options.data}"] if options.data else drawn),
            f"store={scratch / 'store'}",
            *(f"weights.{name}=none" for name in BACKBONES),
            f"resources.gpus_per_trial={0 if options.cpu else 1 / options.trials_per_gpu}",
            *options.overrides,
        ],
    )


def _timed_run(config: Config, out: Path) -> list[dict[str, Any]]:
    """A row for each stage of a run, and one for the whole."""
    (out / "results").mkdir(parents=True)
    started = time.perf_counter()
    outcome = run_sweep(config, out, "", Progress())
    wall_s = time.perf_counter() - started
    stages = json.loads((out / "results" / "run.json").read_text())["stages"]
    rows = [
        {
            "run": out.name,
            "stage": " ".join(filter(None, (stage["stage"], stage["backbone"]))),
            "seconds": stage["seconds"],
            "made": stage["made"],
            "reused": stage["reused"],
        }
        for stage in stages
    ]
    done = outcome.cells["done"]
    whole = {"stage": "all", "seconds": wall_s, "made": done, "reused": 0}
    return [*rows, {"run": out.name, **whole}]


def _about(options: argparse.Namespace) -> dict[str, Any]:
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    chosen = {key: str(value) for key, value in vars(options).items()}
    return {"devices": names, "torch": torch.__version__, **chosen}


if __name__ == "__main__":
    main()
