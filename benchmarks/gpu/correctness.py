"""Whether a GPU computes what a CPU does: features, cached and repeated training, two ranks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.fs as pafs
import torch
import torch.distributed as dist
from torch import Tensor, nn

from benchmarks.gpu.bench import BATCH, CLASSES, Bench, Row, TensorRows, labels_of, pixels
from trainables.activations import ActivationTable
from trainables.extractor import Extraction, FrozenNetwork
from trainables.finetune import ActivationRows, PixelRows, with_prefix
from trainables.loop import Setting, train
from trainables.resident import RowMemory
from trainables.rows import IndexedRows
from trainables.synchronised_batchnorm import synchronise_batchnorm

_IMAGES, _EPOCHS, _LR = 64, 2, 1e-4
_CPU = torch.device("cpu")


def measure(bench: Bench) -> Iterator[Row]:
    for name in bench.backbones:
        yield from _features(bench, name)
    for name in bench.backbones[:2]:
        yield from _training(bench, name)
    yield _ranks(bench, bench.backbones[0])


def _row(what: str, value: float, beside: str) -> Row:
    return Row("correctness", what, value, "relative deviation", beside)


def _features(bench: Bench, name: str) -> Iterator[Row]:
    images = pixels(_IMAGES, bench.side)

    def computed(device: torch.device, precision: str) -> Tensor:
        settings = Extraction("pooled", None, "max", "float16", precision)
        network = FrozenNetwork(bench.backbone(name), settings, device)
        return network(images.to(device))["pooled"].cpu()

    exact = computed(_CPU, "float32")
    for precision in ("float32", "bfloat16"):
        found = computed(bench.device, precision)
        deviation = float((found - exact).norm() / exact.norm())
        yield _row(f"{name}: features in {precision}", deviation, "float32 on the CPU")


def _training(bench: Bench, name: str) -> Iterator[Row]:
    backbone, images = bench.backbone(name), pixels(_IMAGES, bench.side)
    settings = Extraction(None, "prefix", "max", "float32")
    frozen = FrozenNetwork(bench.backbone(name), settings, bench.device)
    prefix = frozen(images.to(bench.device))["prefix"].cpu().numpy()
    table = _table(bench.scratch / f"prefix-{name}", prefix)
    labels, numbers = labels_of(_IMAGES).numpy(), np.arange(_IMAGES)
    memory = RowMemory.of(bench.device, 1.0)
    cached = ActivationRows(table, numbers, labels, bench.device, memory)
    from_pixels = PixelRows(images.permute(0, 2, 3, 1).numpy(), labels, bench.device)

    def losses(rows: IndexedRows, mixed: bool = False) -> list[float]:
        module: nn.Module = bench.module(name, mixed)
        if rows is from_pixels:
            module = with_prefix(backbone, module).to(bench.device)
        return _losses(module, rows)

    reference = losses(cached)
    yield _row(f"{name}: losses, cached", _deviation(reference, losses(from_pixels)), "from pixels")
    yield _row(f"{name}: losses, repeated", _deviation(reference, losses(cached)), "the first time")
    yield _row(f"{name}: losses, bfloat16", _deviation(reference, losses(cached, True)), "float32")


def _table(folder: Path, values: np.ndarray) -> ActivationTable:
    """Image i is row i."""
    folder.mkdir()
    np.save(folder / "part-0.npy", values)
    ids = [f"{number:06d}" for number in range(len(values))]
    index = pd.DataFrame({"image_id": ids, "copy": 0, "part": "part-0.npy"})
    index.assign(offset=range(len(values))).to_parquet(folder / "index.parquet", index=False)
    return ActivationTable(str(folder), pafs.LocalFileSystem())


def _losses(module: nn.Module, rows: IndexedRows) -> list[float]:
    torch.manual_seed(1)  # of dropout
    curve = train(module, rows, rows, Setting({"lr": _LR, "batch_size": BATCH}, _EPOCHS, 5)).curve
    return [loss for epoch in curve for loss in (epoch.train_loss, epoch.val_loss)]


def _deviation(expected: Sequence[float], found: Sequence[float]) -> float:
    return max(abs(b - a) / abs(a) for a, b in zip(expected, found, strict=True))


def _ranks(bench: Bench, name: str) -> Row:
    """Two ranks on one device, by gloo: NCCL wants a device for each."""
    alone = _losses_of_rank(bench, name)
    found = bench.scratch / "losses.json"
    arguments = (bench, name, str(bench.scratch / "rendezvous"), str(found))
    torch.multiprocessing.spawn(  # type: ignore[attr-defined, no-untyped-call]
        _rank, arguments, nprocs=2
    )
    together = json.loads(found.read_text())
    return _row(f"{name}: losses of two ranks", _deviation(alone, together), "one")


def _rank(rank: int, bench: Bench, name: str, rendezvous: str, found: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{rendezvous}", rank=rank, world_size=2)
    losses = _losses_of_rank(bench, name)
    if rank == 0:
        Path(found).write_text(json.dumps(losses))
    dist.destroy_process_group()


def _losses_of_rank(bench: Bench, name: str) -> list[float]:
    """Without dropout, whose masks differ from rank to rank."""
    module = bench.module(name)
    for layer in module.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    with torch.no_grad():
        backbone = bench.backbone(name)
        prefix = backbone.prefix(backbone.normalise(pixels(_IMAGES, bench.side)))
    rows = TensorRows(prefix.to(bench.device), labels_of(_IMAGES).to(bench.device))
    assert int(rows.labels.max()) < CLASSES
    if not dist.is_initialized():
        return _losses(module, rows)
    return _losses(nn.parallel.DistributedDataParallel(synchronise_batchnorm(module)), rows)
