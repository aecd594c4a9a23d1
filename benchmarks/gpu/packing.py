"""Trials that share a GPU: rows a second of 1, 4 and 16 processes that train at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from queue import Queue
from typing import Any

import torch
from torch import nn

from benchmarks.gpu.bench import BATCH, CLASSES, HIDDEN, Bench, Row, TensorRows, labels_of
from trainables.device import has_fast_bfloat16
from trainables.loop import Setting, train
from trainables.transfer import transfer_module

_ROWS, _WAIT_S = 2048, 240.0
PROCESSES = (1, 4, 16)


def measure(bench: Bench) -> Iterator[Row]:
    alone: dict[str, float] = {}
    for count in PROCESSES if bench.is_gpu else PROCESSES[:1]:
        for kind, rate in _rates(bench, count).items():
            alone.setdefault(kind, rate)
            beside = f"{rate / alone[kind]:.2f} times one" if count > 1 else ""
            yield Row("packing", f"{kind}, {count} at once", rate, "rows/s", beside)


def _rates(bench: Bench, count: int) -> dict[str, float]:
    """Of all processes together, by kind of training."""
    context = torch.multiprocessing.get_context("spawn")
    barrier, found = context.Barrier(count), context.Queue()
    processes = [
        context.Process(target=_work, args=(bench, barrier, found), daemon=True)
        for _ in range(count)
    ]
    for process in processes:
        process.start()
    results = [found.get(timeout=_WAIT_S) for _ in processes]
    for process in processes:
        process.join()
    return {kind: sum(one[kind] for one in results) for kind in results[0]}


def _work(bench: Bench, barrier: Barrier, found: Queue[dict[str, float]]) -> None:
    torch.set_num_threads(1)
    name = bench.backbones[0]
    head, suffix = _head(bench), _suffix(bench, name)
    rates = {}
    for kind, (module, rows) in {"head": head, f"{name} suffix": suffix}.items():
        train(module, rows, rows, _setting(1))  # warms up
        barrier.wait(_WAIT_S)
        rates[kind] = _rate(bench, module, rows)
    found.put(rates)


def _rate(bench: Bench, module: nn.Module, rows: TensorRows) -> float:
    started, epochs = time.perf_counter(), 0
    while time.perf_counter() - started < 2 * bench.seconds:
        train(module, rows, rows, _setting(1))
        epochs += 1
    return epochs * len(rows) / (time.perf_counter() - started)


def _setting(epochs: int) -> Setting:
    return Setting({"lr": 1e-5, "batch_size": BATCH}, epochs, 0)


def _head(bench: Bench) -> tuple[nn.Module, TensorRows]:
    values = torch.randn(_ROWS, 2048, generator=torch.Generator().manual_seed(0))
    rows = TensorRows(values.to(bench.device), labels_of(_ROWS).to(bench.device))
    return transfer_module(2048, HIDDEN, CLASSES, 0).to(bench.device), rows


def _suffix(bench: Bench, name: str) -> tuple[nn.Module, TensorRows]:
    backbone = bench.backbone(name)
    side = bench.side
    shape: Any = backbone.prefix(torch.zeros(1, 3, side, side)).shape[1:]
    count = 256 if bench.is_gpu else 32
    values = torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))
    rows = TensorRows(values.to(bench.device), labels_of(count).to(bench.device))
    return bench.module(name, has_fast_bfloat16(bench.device)), rows
