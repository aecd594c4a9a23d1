"""Images a second of extraction, from shards on the disk to tables on the disk, beside the bare
forward pass on images that lie on the device."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import torch

from benchmarks.gpu.bench import Bench, Row, pixels
from datasets.shards import ShardRows, consecutive_rows
from trainables.extractor import Extraction, Extractor, images_at_once
from trainables.stored_backbone import StoredBackbone, save_backbone

_LOCAL = pafs.LocalFileSystem()
_DISTINCT, _GROUP = 64, 27  # images; rows of a row group, as with eight copies


def measure(bench: Bench) -> Iterator[Row]:
    _write_shards(bench)
    for name in bench.backbones:
        for precision in ("float32", "bfloat16"):
            bare = _bare_rate(bench, name, precision)
            ours = _our_rate(bench, name, precision)
            what = f"{name} {precision}"
            yield Row("extraction", f"{what}, bare", bare, "images/s")
            yield Row("extraction", f"{what}, ours", ours, "images/s", f"{ours / bare:.2f} of bare")


def _write_shards(bench: Bench) -> None:
    folder = bench.scratch / "shards"
    folder.mkdir()
    images = pixels(_DISTINCT, bench.side).permute(0, 2, 3, 1).numpy()
    for number in range(0, bench.rows, 576):
        rows = range(number, min(bench.rows, number + 576))
        raw = [images[row % _DISTINCT].tobytes() for row in rows]
        table = pa.table(
            {
                "image_id": [f"{row:08d}" for row in rows],
                "copy": pa.array(np.zeros(len(rows)), pa.int32()),
                "pixels": pa.array(raw, pa.binary(3 * bench.side**2)),
            }
        )
        path = folder / f"{number:08d}.parquet"
        pq.write_table(table, path, row_group_size=_GROUP, compression="zstd", use_dictionary=False)


def _bare_rate(bench: Bench, name: str, precision: str) -> float:
    """Of the plain network in channels-last memory, BatchNorm not folded."""
    dtype = getattr(torch, precision)
    images = images_at_once(bench.device)
    backbone = bench.backbone(name).to(bench.device)
    network = torch.nn.Sequential(backbone.prefix, backbone.suffix).to(dtype)
    network = network.to(memory_format=torch.channels_last)
    inputs = backbone.normalise(pixels(images, bench.side).to(bench.device)).to(dtype)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        return images * bench.rate(lambda: network(inputs))


def _our_rate(bench: Bench, name: str, precision: str) -> float:
    """Of a worker of the pool in this process, once its network is loaded and warm."""
    folders = {kind: bench.scratch / f"{kind}-{name}-{precision}" for kind in _FOLDERS}
    for folder in folders.values():
        folder.mkdir()
    save_backbone(bench.backbone(name), str(folders["backbone"]), _LOCAL)
    stored = StoredBackbone(bench.spec(name), (), str(folders["backbone"]), _LOCAL)
    tables = str(folders["pooled"]), str(folders["prefix"])
    settings = Extraction(*tables, "max", "float16", precision)
    worker = Extractor(_LOCAL)
    worker.use(bench.device)
    units = consecutive_rows(str(bench.scratch / "shards"), _LOCAL, worker.batching.rows)

    def compute(unit: Sequence[ShardRows]) -> None:
        worker.run(0, stored, settings, unit)

    with ThreadPoolExecutor(worker.batching.units_at_once) as threads:
        list(threads.map(compute, units[: worker.batching.units_at_once]))
        started = time.perf_counter()
        list(threads.map(compute, units))
        wall_s = time.perf_counter() - started
    for folder in folders.values():
        shutil.rmtree(folder)
    return bench.rows / wall_s


_FOLDERS = ("pooled", "prefix", "backbone")
