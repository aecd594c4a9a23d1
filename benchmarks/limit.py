"""How near we come to what the machine could do: extraction, suffix training, head training.

    python -m benchmarks limit [--data FOLDER] [--backbones mobilenet resnet50]

"ideal" is the roofline of the counted operations and of the bytes that must be moved (training:
three times the forward operations, Adam's seven passes over the parameters) under the measured
peak arithmetic and memory bandwidth of one thread, times the processes. "bare" is the same
arithmetic in a plain loop on tensors in memory: for extraction the network as timm builds it, on as
many processes at once as ours has workers. Rates are images or rows a second; ours leaves the start
of the workers out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.images import LOCAL, add_options, images, shards
from benchmarks.machine import Machine, count_flop, measure_machine, moved_bytes
from benchmarks.report import tell
from sweeper.ray.session import ray_session
from trainables.activations import ActivationTable
from trainables.backbones import Backbone, build_backbone
from trainables.extraction import Pass, extract
from trainables.extractor import Extraction
from trainables.finetune import ActivationRows, finetune_module
from trainables.loop import Setting, train
from trainables.registry import BACKBONES, BackboneSpec
from trainables.rows import IndexedRows
from trainables.stored_backbone import StoredBackbone, save_backbone
from trainables.transfer import PooledRows, transfer_module

_BATCH, _CLASSES, _HIDDEN = 16, 10, (512, 128)
_EXTRACTED = 32  # images in a batch of the bare forward
_CPU = torch.device("cpu")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks limit", description=__doc__)
    add_options(parser, images_per_class=20)
    parser.add_argument("--backbones", nargs="+", default=["mobilenet", "resnet50"])
    parser.add_argument("--rows", type=int, default=480, help="trained on, for two epochs")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    machine = measure_machine()
    about = {"gflop_per_s": machine.flop_per_s / 1e9, "gb_per_s": machine.bytes_per_s / 1e9}
    print("one thread: " + ", ".join(f"{name} {value:.1f}" for name, value in about.items()))
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        root, table = images(options, Path(scratch))
        with ray_session(None, 0, 1) as resources:
            shards(options, root, table, Path(scratch) / "shards")
            for name in options.backbones:
                rows += _one(options, name, Path(scratch), machine, resources.slots)
    tell("limit", rows, about | {key: str(value) for key, value in vars(options).items()})


def _one(
    options: argparse.Namespace, name: str, scratch: Path, machine: Machine, workers: int
) -> list[dict[str, Any]]:
    ours = _extraction_rate(options, name, scratch, workers)
    pooled, prefix = (ActivationTable(str(scratch / f"{k}-{name}"), LOCAL) for k in _TABLES)
    index = pd.read_parquet(scratch / f"prefix-{name}" / "index.parquet").head(options.rows)
    labels = np.arange(len(index)) % _CLASSES
    suffix = finetune_module(
        build_backbone(_spec(options, name)), "max", _HIDDEN, _CLASSES, batchnorm="train", seed=0
    )
    head = transfer_module(pooled.shape[0], _HIDDEN, _CLASSES, 0)
    parts = {
        "suffix": (suffix, ActivationRows(prefix, prefix.find(index), labels, _CPU)),
        "head": (head, PooledRows(pooled, pooled.find(index), labels, _CPU)),
    }
    rows = [_extraction_row(options, name, machine, workers, ours)]
    for part, (module, data) in parts.items():
        rows.append(_training_row(f"{name} {part}", module, data, machine))
    return rows


_TABLES = ("pooled", "prefix")


def _spec(options: argparse.Namespace, name: str) -> BackboneSpec:
    return replace(BACKBONES[name], image_size=options.image_size)


def _extraction_rate(options: argparse.Namespace, name: str, scratch: Path, workers: int) -> float:
    """Images a second of the whole pass, from the first block that came back to the last."""
    folders = {kind: scratch / f"{kind}-{name}" for kind in (*_TABLES, "backbone")}
    for folder in folders.values():
        folder.mkdir()
    save_backbone(build_backbone(_spec(options, name)), str(folders["backbone"]), LOCAL)
    seen: list[tuple[float, int]] = []
    backbone = StoredBackbone(_spec(options, name), (), str(folders["backbone"]), LOCAL)
    extract(
        [Pass(str(scratch / "shards"), backbone, _row_count(scratch / "shards"), 1.0)],
        LOCAL,
        begin=lambda number: Extraction(
            str(folders["pooled"]), str(folders["prefix"]), "max", "float16"
        ),
        finish=lambda number, sums, seconds: None,
        workers=workers,
        on_progress=lambda rows: seen.append((time.perf_counter(), rows)),
    )
    (first_s, first), (last_s, last) = seen[0], seen[-1]
    return (last - first) / (last_s - first_s)


def _row_count(folder: Path) -> int:
    return sum(len(pd.read_parquet(path, columns=["copy"])) for path in folder.glob("*.parquet"))


def _extraction_row(
    options: argparse.Namespace, name: str, machine: Machine, workers: int, ours: float
) -> dict[str, Any]:
    network = _network(build_backbone(BACKBONES[name]))
    pixels = torch.rand(_EXTRACTED, 3, options.image_size, options.image_size)
    ideal_s = machine.ideal_s(count_flop(network, pixels), moved_bytes(network, pixels))
    bare = _bare_rate(name, options.image_size, workers)
    return _row(f"{name} extraction", workers * _EXTRACTED / ideal_s, bare, ours)


def _network(backbone: Backbone) -> nn.Module:
    return nn.Sequential(backbone.normalise, backbone.prefix, backbone.suffix).eval()


def _bare_rate(name: str, side: int, processes: int) -> float:
    """Images a second of plain forward passes in several processes at once."""
    context = torch.multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        return sum(pool.starmap(_forward_rate, [(name, side)] * processes))


def _forward_rate(name: str, side: int, seconds: float = 12.0) -> float:
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    network = _network(build_backbone(BACKBONES[name]))
    pixels = torch.rand(_EXTRACTED, 3, side, side)
    with torch.inference_mode():
        network(pixels)
        started, done = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            network(pixels)
            done += _EXTRACTED
    return done / (time.perf_counter() - started)


def _training_row(
    name: str, module: nn.Module, data: IndexedRows, machine: Machine
) -> dict[str, Any]:
    batch = torch.arange(_BATCH)
    inputs, labels = data.inputs(batch), data.labels[batch]
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)
    step = _step(module.train(), optimiser, inputs, labels)
    parameters = sum(p.numel() for p in module.parameters())
    moved = moved_bytes(module, inputs) + 7 * 4 * parameters
    ideal = _BATCH / machine.ideal_s(3 * count_flop(module, inputs), moved)
    fit = train(module, data, data, Setting({"lr": 1e-3, "batch_size": _BATCH}, 2, 0))
    steps = len(data) // _BATCH
    started = time.perf_counter()
    for _ in range(2 * steps):
        step()
    bare = 2 * steps * _BATCH / (time.perf_counter() - started)
    return _row(name, ideal, bare, fit.images_per_s)


def _step(
    module: nn.Module, optimiser: torch.optim.Optimizer, inputs: Tensor, labels: Tensor
) -> Callable[[], None]:
    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        functional.cross_entropy(module(inputs), labels).backward()
        optimiser.step()

    return step


def _row(work: str, ideal: float, bare: float, ours: float) -> dict[str, Any]:
    shares = {"ours/bare": ours / bare, "ours/ideal": ours / ideal}
    return {"work": work, "ideal/s": ideal, "bare/s": bare, "ours/s": ours, **shares}
