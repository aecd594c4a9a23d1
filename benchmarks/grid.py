"""What growing a grid costs: the same store, one more seed, split policy or scenario at a time.

    python -m benchmarks grid [--data FOLDER] [--set key.path=value ...]

"wall" is the command's time, "training" the seconds its trials computed, shared among the
processors that ran them; "tables" the seconds of preprocessing and extraction. What is neither is
the engine: Ray's start, evaluation, the report, idle processors. Doubling the grid along one of
these axes may cost the training it adds, and no tables.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.memory import PeakMemory
from benchmarks.report import tell
from sweeper.config.load import load_config
from sweeper.progress import Progress
from sweeper.run.pipeline import run_sweep

_START = {"grid.seeds": "[0]", "split.policies": "[grouped]", "grid.scenarios": "[1]"}
_SMALL = (
    "weights.mobilenet=none",
    "data.synthetic.images_per_class=20",
    "preprocess.image_size=96",
    "augmentations.fec-ige.copies=4",
    "search.draws=2",
    "search.epochs=10",
    "search.scheduler=none",
    "explain.examples=0",
)
_GROWN = {
    "one more seed": {"grid.seeds": "[0, 1]"},
    "one more policy": {"split.policies": "[pooled, grouped]"},
    "one more scenario": {"grid.scenarios": "[1, 2]"},
    "all three": {},
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks grid", description=__doc__)
    parser.add_argument("--data", help="a folder of class folders; drawn images if not given")
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    options = parser.parse_args(arguments)
    drawn = ["data={source: synthetic, synthetic: {images_per_class: 20}}"]
    source = [f"data.path={options.data}"] if options.data else drawn
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        keys = dict(_START)
        rows = [_run(Path(scratch), "one of each", keys, [*source, *options.overrides])]
        for name, more in _GROWN.items():
            grown = {**_START, **more} if more else _all_grown()
            rows.append(_run(Path(scratch), name, grown, [*source, *options.overrides]))
    tell("grid", rows, {key: str(value) for key, value in vars(options).items()})


def _all_grown() -> dict[str, str]:
    return {key: value for more in _GROWN.values() for key, value in more.items()}


def _run(scratch: Path, name: str, keys: dict[str, str], overrides: list[str]) -> dict[str, Any]:
    config = load_config(
        "paper",
        [
            f"store={scratch / 'store'}",
            "grid.backbones=[mobilenet]",
            *_SMALL,
            *(f"{key}={value}" for key, value in keys.items()),
            *overrides,
        ],
    )
    out = scratch / name
    (out / "results").mkdir(parents=True)
    already = _trials_done(scratch)
    with PeakMemory() as memory:
        started = time.perf_counter()
        outcome = run_sweep(config, out, "", Progress())
        wall_s = time.perf_counter() - started
    trials = pd.read_parquet(out / "results" / "trials.parquet")
    made = trials[~trials["trial"].isin(already)].drop_duplicates("trial")
    stages = json.loads((out / "results" / "run.json").read_text())["stages"]
    slots = _slots(config.resources.cpus)
    training_s = float(made["wall_s"].sum()) / slots
    tables_s = sum(s["seconds"] for s in stages if s["stage"] in _TABLE_STAGES and s["made"])
    return {
        "grid": name,
        "cells": outcome.cells.total(),
        "trials run": len(made),
        "wall_s": wall_s,
        "tables_s": tables_s,
        "training_s": training_s,
        "engine": 1 - (training_s + tables_s) / wall_s,
        "memory_gb": memory.peak_bytes / 1e9,
    }


_TABLE_STAGES = ("preprocess and augment", "extract")


def _slots(cpus: int | None) -> int:
    return cpus or os.cpu_count() or 1


def _trials_done(scratch: Path) -> set[str]:
    return {path.parent.name for path in (scratch / "store").glob("trials/*/artifact.json")}
