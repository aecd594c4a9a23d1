"""Images a second from files to shards, and from shards to the model, against torch's DataLoader.

    python -m benchmarks ingest [--data FOLDER]

The DataLoader has as many workers as the machine has cores and makes the same pixels: decoded,
preprocessed, augmented. "to the model" is the third pass over the same rows, as an epoch's is.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from benchmarks.images import LOCAL, add_options, images, shards
from benchmarks.report import tell
from benchmarks.usual import ImageRows
from datasets.shards import read_images
from sweeper.ray.session import ray_session
from trainables.finetune import PixelRows
from trainables.stream import StreamRows, pixel_dataset

_BATCH, _PASSES = 32, 3


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks ingest", description=__doc__)
    add_options(parser, images_per_class=30)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        root, table = images(options, Path(scratch))
        rows = _all_copies(table, options.copies)
        loader_s = _loader_s(root, rows, options.image_size)
        with ray_session(None, 0, 1):
            shards(options, root, table.head(8), Path(scratch) / "warm")
            shards_s = _timed(lambda: shards(options, root, table, Path(scratch) / "shards"))
            stream_s = _stream_s(scratch, rows, options.image_size)
        memory_s = _memory_s(scratch, rows)
    tell(
        "ingest",
        [
            _row("files to pixels: DataLoader", len(rows), loader_s, loader_s),
            _row("files to shards: ours, once", len(rows), shards_s, loader_s),
            _row("shards to the model: Ray Data", len(rows), stream_s, loader_s),
            _row("shards to the model: in memory", len(rows), memory_s, loader_s),
        ],
        {key: str(value) for key, value in vars(options).items()},
    )


def _all_copies(table: pd.DataFrame, copies: int) -> pd.DataFrame:
    every = pd.DataFrame({"copy": range(copies + 1)})
    rows = table[["image_id", "path"]].merge(every, how="cross")
    return rows.assign(label=np.arange(len(rows)) % 10)


def _loader_s(root: Path, rows: pd.DataFrame, size: int) -> float:
    loader = DataLoader(ImageRows(root, rows, size), _BATCH, num_workers=os.cpu_count() or 1)
    return _timed(lambda: _drain(loader))


def _stream_s(scratch: str, rows: pd.DataFrame, size: int) -> float:
    dataset = pixel_dataset(str(Path(scratch) / "shards"), LOCAL, rows, seed=0)
    stream = StreamRows(dataset.iterator(), len(rows), size, torch.device("cpu"))
    return _last_pass_s(stream)


def _memory_s(scratch: str, rows: pd.DataFrame) -> float:
    wanted = list(zip(rows["image_id"], rows["copy"], strict=True))
    pixels = read_images(str(Path(scratch) / "shards"), LOCAL, wanted)
    labels = rows["label"].to_numpy(dtype=np.int64)
    return _last_pass_s(PixelRows(pixels, labels, torch.device("cpu")))


def _last_pass_s(rows: StreamRows | PixelRows) -> float:
    generator = torch.Generator().manual_seed(0)
    return [_timed(lambda: _drain(rows.shuffled(_BATCH, generator))) for _ in range(_PASSES)][-1]


def _drain(batches: Iterable[Any]) -> None:
    for pixels, *_ in batches:
        float(pixels[0, 0, 0, 0])


def _timed(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _row(way: str, count: int, seconds: float, usual_s: float) -> dict[str, Any]:
    return {"way": way, "images/s": count / seconds, "ratio": usual_s / seconds}
