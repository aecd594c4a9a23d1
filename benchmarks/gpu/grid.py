"""The paper's grid by the command itself: seconds of each stage, use of the GPU, memory; then the
same command again, which finds all of it in the store."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gpu.bench import Bench, Row
from benchmarks.gpu.utilisation import Utilisation
from benchmarks.memory import PeakMemory
from sweeper.config.load import load_config
from sweeper.config.schema import Config
from sweeper.progress import Progress
from sweeper.run.pipeline import run_sweep
from trainables.registry import BACKBONES


def measure(bench: Bench) -> Iterator[Row]:
    config = _config(bench)
    with PeakMemory() as memory, Utilisation() as used:
        yield from _timed_run(config, bench.scratch / "cold")
    yield Row("grid", "peak memory of the machine", memory.peak_bytes / 1e9, "GB")
    for what, value, unit in used.summary():
        yield Row("grid", what, value, unit)
    yield from _timed_run(config, bench.scratch / "warm")


def _config(bench: Bench) -> Config:
    return load_config(
        "paper",
        [
            "data={source: synthetic}",
            f"store={bench.scratch / 'store'}",
            *(f"weights.{name}=none" for name in BACKBONES),
            *([] if bench.is_gpu else ["resources.gpus_per_trial=0"]),
            *bench.overrides,
        ],
    )


def _timed_run(config: Config, out: Path) -> Iterator[Row]:
    """A row for each stage of a run, and one for the whole."""
    (out / "results").mkdir(parents=True)
    started = time.perf_counter()
    outcome = run_sweep(config, out, "", Progress())
    wall_s = time.perf_counter() - started
    for stage in json.loads((out / "results" / "run.json").read_text())["stages"]:
        what = " ".join(filter(None, (f"{out.name}: {stage['stage']}", stage["backbone"])))
        beside = f"{stage['made']} made, {stage['reused']} reused"
        yield Row("grid", what, stage["seconds"], "s", beside)
    cells = ", ".join(f"{count} {state}" for state, count in outcome.cells.items() if count)
    yield Row("grid", f"{out.name}: all", wall_s, "s", f"cells: {cells}")
