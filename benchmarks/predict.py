"""Images a second of `predict --parquet`, against the bare network's forward pass.

    python -m benchmarks predict [--run RUN --data FOLDER] [--images 2000]

The bare network gets pixels that are in memory already, 32 at a time, on all cores; `predict` reads
and decodes files, measures their distance to the training images, and writes rows. Without `--run`,
a MobileNet with random weights is trained on drawn radiographs of 224 px first.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.report import tell
from sweeper.config.load import load_config
from sweeper.progress import Progress
from sweeper.run.pipeline import run_sweep
from sweeper.store.store import Store
from sweeper.use.at_scale.listing import Source, list_images
from sweeper.use.at_scale.predict import predict_to_parquet
from sweeper.use.chosen import ChosenCell, choose
from sweeper.use.finished import FinishedRun, read_run
from sweeper.use.new_images import read_each
from sweeper.use.prediction import BATCH, Predictor

_OF_SMALL_RUN = [
    "preprocess.image_size=224",
    "grid.augmentations=[none]",
    "grid.strategies=[transfer]",
    "explain.examples=0",
    "robustness.champions=none",
]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks predict", description=__doc__)
    parser.add_argument("--run", type=Path, help="a finished run")
    parser.add_argument("--data", type=Path, help="a folder of images; needed with --run")
    parser.add_argument("--images", type=int, default=2000, help="as often as needed: links")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        run, data = (options.run, options.data) if options.run else _small_run(Path(scratch))
        finished = read_run(run)
        store = Store(finished.config.store, writable=False)
        chosen = choose(finished, store)
        source = list_images([_linked(data, Path(scratch) / "linked", options.images)])
        rows = _measured(finished, chosen, store, source, Path(scratch))
    about = {key: str(value) for key, value in vars(options).items()}
    tell("predict", rows, {**about, "cell": chosen.cell.id, "images": len(source.files)})


def _measured(
    run: FinishedRun, chosen: ChosenCell, store: Store, source: Source, scratch: Path
) -> list[dict[str, Any]]:
    count = len(source.files)
    bare_s = _bare_s(run, chosen, store, source)
    ways: dict[str, Callable[[], Any]] = {
        f"predict, {name}": lambda n=limit, to=f"out-{limit}": predict_to_parquet(  # type: ignore[misc]
            run, chosen, store, source, str(scratch / to), False, Progress(), n
        )
        for name, limit in (("one process", count), ("Ray, its start included", 0))
    }
    rows = [{"way": "bare forward", "seconds": bare_s, "images/s": count / bare_s, "ratio": 1.0}]
    for name, work in ways.items():
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
        rows.append(
            {
                "way": name,
                "seconds": seconds,
                "images/s": count / seconds,
                "ratio": bare_s / seconds,
            }
        )
    return rows


def _bare_s(run: FinishedRun, chosen: ChosenCell, store: Store, source: Source) -> float:
    """Seconds that the network takes for as many images, on all cores."""
    how = run.preprocessing(chosen.cell.backbone)
    paths = [Path(file.path) for file in source.files[:BATCH]]
    pixels = [image.pixels for image in read_each(paths, how) if image.pixels is not None]
    batch, predictor = np.stack(pixels), Predictor(chosen, store)
    torch.set_num_threads(os.cpu_count() or 1)
    predictor.probabilities(batch)
    started = time.perf_counter()
    for _ in range(0, len(source.files), len(batch)):
        predictor.probabilities(batch)
    passes = -(-len(source.files) // len(batch))
    return (time.perf_counter() - started) * len(source.files) / (passes * len(batch))


def _small_run(scratch: Path) -> tuple[Path, Path]:
    """A finished run, and its images."""
    out = scratch / "run"
    (out / "results").mkdir(parents=True)
    config = load_config("smoke", [f"store={scratch / 'store'}", *_OF_SMALL_RUN])
    run_sweep(config, out, "python -m benchmarks predict", Progress())
    images = next((scratch / "store" / "images").iterdir())
    return out, images


def _linked(data: Path, folder: Path, count: int) -> Path:
    """A folder with `count` links to the images below `data`, each as often as needed."""
    files = [Path(file.path) for file in list_images([data]).files]
    folder.mkdir()
    for number in range(count):
        file = files[number % len(files)]
        (folder / f"{number:06}{file.suffix}").symlink_to(file)
    return folder
