"""What the driver, the store and Tune cost as a grid grows: trials that do nothing.

python -m benchmarks scale [--trials 600 6000 60000] [--tune 600 6000]

The store gets as many tiny records as there are trials; the ledger is asked what a run asks it. A
fresh process for each size, so that peaks of memory are its own. `_s` are seconds, `_cpu_s` seconds
of processor time: the rest is waiting, for the disk (every file is flushed) or for other work.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from benchmarks.report import tell, told_apart
from sweeper.config.schema import Config
from sweeper.plan.collect import collect
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from sweeper.store.records import write_record
from sweeper.store.store import Store

CURVE_EPOCHS = 10
CELLS_OF_SEED = 20  # five backbones, with and without copies, transfer and fine-tuning
DRAWS = 10


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks scale", description=__doc__)
    parser.add_argument("--trials", nargs="+", type=int, default=[600, 6000, 60000])
    parser.add_argument("--tune", nargs="+", type=int, default=[600, 6000])
    parser.add_argument("--one", choices=["store", "tune"], help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        work = {"store": store_row, "tune": tune_row}[options.one]
        print(json.dumps(work(options.trials[0])))
        return
    tell("scale-store", [_apart("store", count) for count in options.trials], {})
    tell("scale-tune", [_apart("tune", count) for count in options.tune], {})


def _apart(name: str, count: int) -> dict[str, Any]:
    return told_apart("scale", "--one", name, "--trials", str(count))


def store_row(trials: int) -> dict[str, Any]:
    """Seconds of plan, records and questions, and the process's peak memory."""
    with tempfile.TemporaryDirectory(prefix="sweeper-scale-") as scratch:
        folder = Path(scratch)
        config = config_of(folder, seeds=max(1, trials // (CELLS_OF_SEED * DRAWS)))
        store = Store(config.store)
        collection = collect(config.data, store)
        seconds: dict[str, float] = {}

        def timed(name: str, work: Callable[[], Any]) -> Any:
            started, busy = time.perf_counter(), time.process_time()
            result = work()
            seconds[f"{name}_s"] = time.perf_counter() - started
            seconds[f"{name}_cpu_s"] = time.process_time() - busy
            return result

        plan = timed("splits", lambda: planned(config, collection, store))
        ledger = Ledger(plan)
        transfer = [cell for cell in plan.cells if cell.strategy == "transfer"]
        finetune = [cell for cell in plan.cells if cell.strategy == "finetune"]
        missing = timed("ask_empty", lambda: ledger.needing(transfer))
        timed("write", lambda: write(ledger, missing))
        tuned = timed("champions", lambda: ledger.needing(finetune))
        write(ledger, tuned)
        again = Ledger(plan)
        left = timed("ask_full", lambda: again.needing(plan.cells))
        assert not left, len(left)
        timed("summary", lambda: list(again.summary()))
        files = [path for path in (folder / "store").rglob("*") if path.is_file()]
        return {
            "trials": len(missing) + len(tuned),
            "cells": len(plan.cells),
            **seconds,
            "files": len(files),
            "store_MB": sum(path.stat().st_size for path in files) / 1e6,
            "peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def tune_row(trials: int) -> dict[str, Any]:
    """Seconds and peak memory of Tune with trials that do nothing."""
    from benchmarks.overhead import config_of as config_of_trial
    from benchmarks.overhead import do_nothing
    from sweeper.ray.asha import CellAsha
    from sweeper.ray.session import ray_session
    from sweeper.ray.trials import run_configs

    with ray_session(None, 0, 1) as resources:
        started, busy = time.perf_counter(), time.process_time()
        configs = [config_of_trial(number) for number in range(trials)]
        run_configs(do_nothing, configs, CellAsha(), {"cpu": 1.0}, [], reuse_actors=True)
        seconds, cpu = time.perf_counter() - started, time.process_time() - busy
        return {
            "trials": trials,
            "seconds": seconds,
            "driver_cpu_s": cpu,
            "others_cpu_s": _children_cpu_s(),
            "ms_per_trial": 1000 * seconds / trials,
            "at_once": resources.slots,
            "driver_peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def _children_cpu_s() -> float:
    """Processor time of the Ray that this process has started, its start included."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return float(sum(one.user + one.system for one in times))


def config_of(folder: Path, seeds: int) -> Config:
    """A grid of five backbones over twelve pictures."""
    for name in ("a", "b"):
        (folder / "images" / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng([ord(name), number]).integers(0, 256, (40, 40))
            Image.fromarray(pixels.astype(np.uint8)).save(
                folder / "images" / name / f"{number}.png"
            )
    return Config.model_validate(
        {
            "name": "scale",
            "store": str(folder / "store"),
            "data": {"path": str(folder / "images")},
            "grid": {"seeds": list(range(seeds))},
            "weights": dict.fromkeys(
                ("efficientnetb3", "resnet50", "vgg16", "mobilenet", "inceptionv3"), "none"
            ),
            "search": {"draws": DRAWS, "scheduler": "none"},
        }
    )


def planned(config: Config, collection: Any, store: Store) -> Plan:
    """Its plan, with all splits made."""
    plan = Plan(config, collection, store)
    assert plan.splits
    return plan


def write(ledger: Ledger, specs: list[Any]) -> None:
    """Store a finished record of ten epochs for each."""
    curve = [
        {"epoch": number, "train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 1.0 / number}
        | {"val_accuracy": 0.5, "val_score": 0.5, "lr": 0.001, "epoch_s": 0.1}
        | {"steps": 20 * number, "passes": float(number)}
        for number in range(1, CURVE_EPOCHS + 1)
    ]
    for spec in specs:
        write_record(ledger.store, **spec.identity, state="done", curve=curve)
        ledger.forget(spec.key)
