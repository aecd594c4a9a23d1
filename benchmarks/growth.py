"""How each step of a run grows with the number of images, and what 100,000 would take.

    python -m benchmarks growth [--images 1000 4000 16000] [--copies 8]

Whole runs over ever larger collections of small drawn textures, each in a process and a store of
its own: two split policies, one frozen network, one head of two epochs. Small pictures leave what
grows with their number: listing, hashing, pairs, splits, tables, predictions, the page. The memory
is the driver's, without Ray's workers. A line through the two largest sizes gives it at 100,000
images; each step's seconds there follow from its growth between the smallest and the largest size.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from benchmarks.report import tell, told_apart
from sweeper.config.load import load_config
from sweeper.progress import Progress
from sweeper.run.pipeline import run_sweep

_GOAL = 100_000
_CLASSES, _SIDE, _COARSE = 10, 48, 6
_PEAK = "driver's peak, MB"
_SETTINGS = (
    "data={source: folder}",
    f"preprocess.image_size={_SIDE}",
    "split.policies=[pooled, grouped]",
    "grid.augmentations=[fec-ige]",
    "grid.strategies=[transfer]",
    "search={draws: 1, epochs: 2}",
    "explain.examples=0",
    "robustness.champions=none",
)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks growth", description=__doc__)
    parser.add_argument("--images", nargs="+", type=int, default=[1000, 4000, 16000])
    parser.add_argument("--copies", type=int, default=8, help="augmented copies of each image")
    parser.add_argument(
        "--without-pairs", action="store_true", help="leave out the search for near-copies"
    )
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        pairs = not options.without_pairs
        print(json.dumps(_measured(options.images[0], options.copies, pairs)))
        return
    sizes = sorted(options.images)
    further = ["--copies", str(options.copies)]
    further += ["--without-pairs"] if options.without_pairs else []
    found = [told_apart("growth", "--one", "--images", str(n), *further) for n in sizes]
    rows = [_row(step, sizes, found) for step in dict.fromkeys(key for one in found for key in one)]
    tell("growth", rows, {"copies": options.copies, "side": _SIDE})


def _row(
    step: str, sizes: Sequence[int], found: Sequence[Mapping[str, float]]
) -> dict[str, str | float]:
    values = [one.get(step, 0.0) for one in found]
    numbers = {f"{size:,}": value for size, value in zip(sizes, values, strict=True)}
    return {"step": step, **numbers, f"{_GOAL:,}": _expected(step, sizes, values)}


def _expected(step: str, sizes: Sequence[int], values: Sequence[float]) -> float:
    """Memory follows a line through the two largest sizes; seconds grow by the exponent between the
    smallest and the largest, and at least linearly."""
    if len(sizes) < 2 or not values[0]:
        return math.nan
    if step == _PEAK:
        slope = (values[-1] - values[-2]) / (sizes[-1] - sizes[-2])
        return values[-1] + slope * (_GOAL - sizes[-1])
    exponent = math.log(values[-1] / values[0], sizes[-1] / sizes[0])
    return float(values[-1] * (_GOAL / sizes[-1]) ** max(1.0, exponent))


def _measured(count: int, copies: int, pairs: bool) -> dict[str, float]:
    """Seconds of each step of one run, and of the same command again, which finds it done."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        _write_textures(folder / "images", count)
        overrides = [
            *_SETTINGS,
            f"data.path={folder / 'images'}",
            f"data.near_duplicates={str(pairs).lower()}",
            f"store={folder / 'store'}",
            f"augmentations={{fec-ige: {{copies: {copies}}}}}",
        ]
        config = load_config("smoke", overrides)
        steps = _Steps()
        started = time.perf_counter()
        with steps:
            run_sweep(config, folder / "run", "python -m benchmarks growth", steps)
        seconds = {**steps.seconds, **_stages(folder / "run")}
        whole = time.perf_counter() - started
        started = time.perf_counter()
        with Progress() as again:
            run_sweep(config, folder / "again", "python -m benchmarks growth", again)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        idle = time.perf_counter() - started
        page = (folder / "run" / "report" / "index.html").stat().st_size / 1e6
        return {**seconds, "whole": whole, "again": idle, "page, MB": page, _PEAK: peak}


class _Steps(Progress):
    """Sums the seconds of each step."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def during(self, name: str, total: int = 0, unit: str = "") -> Iterator[None]:
        started = time.perf_counter()
        with super().during(name, total, unit):
            yield
        self.seconds[name] += time.perf_counter() - started


def _stages(run: Path) -> dict[str, float]:
    about: dict[str, Any] = json.loads((run / "results" / "run.json").read_text())
    table = pd.DataFrame(about["stages"])
    sums = table.groupby("stage", sort=False)["seconds"].sum()
    return {str(stage): float(seconds) for stage, seconds in sums.items()}


def _write_textures(folder: Path, count: int) -> None:
    """Soft textures, with a stripe at a height that tells the class."""
    generator = np.random.default_rng(0)
    for number in range(count):
        coarse = generator.uniform(30, 200, (_COARSE, _COARSE)).astype(np.float32)
        pixels = cv2.resize(coarse, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
        name = number % _CLASSES
        pixels[4 * name + 2 : 4 * name + 6] += 50
        to = folder / f"class{name}" / f"{number:06}.png"
        to.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(to), np.clip(pixels, 0, 255).astype(np.uint8))
