"""A step of fine-tuning at batch size 16: its kernels, how long the GPU is busy, and what other
ways of launching it would gain."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu.bench import BATCH, Bench, Row, TensorRows, labels_of, pixels
from trainables.device import has_fast_bfloat16
from trainables.finetune import FinetuneModule
from trainables.loop import Setting, train

_PROFILED = 10  # steps
_LOOP_ROWS = 512


def measure(bench: Bench) -> Iterator[Row]:
    mixed = has_fast_bfloat16(bench.device)
    for name in bench.backbones:
        with torch.no_grad():
            backbone = bench.backbone(name).to(bench.device)
            inputs = backbone.prefix(
                backbone.normalise(pixels(BATCH, bench.side).to(bench.device))
            ).clone()
        yield from _of_backbone(bench, name, inputs, mixed)


def _of_backbone(bench: Bench, name: str, inputs: Tensor, mixed: bool) -> Iterator[Row]:
    def row(what: str, value: float, unit: str = "ms", beside: str = "") -> Row:
        return Row("fine-tuning step", f"{name}: {what}", value, unit, beside)

    labels = labels_of(BATCH).to(bench.device)
    yield row("training loop", _loop_ms(bench, name, inputs, mixed))
    plain = _Step(bench.module(name, mixed=False), inputs, labels)
    own = _Step(bench.module(name, mixed), inputs, labels)
    nhwc = bench.module(name, mixed).to(memory_format=torch.channels_last)
    last = _Step(nhwc, inputs, labels)
    yield row("bare, float32", 1000 / bench.rate(plain))
    yield row("bare, as trained", 1000 / bench.rate(own))
    yield row("bare, weights channels last", 1000 / bench.rate(last))
    if not bench.is_gpu:
        return
    kernels, busy_ms = _profile(last)
    yield row("kernels", kernels, "a step")
    yield row("GPU busy", busy_ms, beside="of the step before")
    for what, build in (("CUDA graph", _graphed), ("torch.compile", _compiled)):
        try:
            value, beside = 1000 / bench.rate(build(bench, name, inputs, labels, mixed)), ""
        except Exception as error:  # a table with a hole says more than none
            value, beside = float("nan"), " ".join(str(error).split())[:60]
        yield row(what, value, beside=beside)


class _Step:
    """Forward, backward and optimiser on one batch."""

    def __init__(
        self, module: nn.Module, inputs: Tensor, labels: Tensor, capturable: bool = False
    ) -> None:
        self.module, self.inputs, self.labels = module.train(), inputs, labels
        self.optimiser = torch.optim.Adam(
            module.parameters(), lr=1e-5, fused=True, capturable=capturable
        )

    def __call__(self) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        functional.cross_entropy(self.module(self.inputs).float(), self.labels).backward()
        self.optimiser.step()


def _loop_ms(bench: Bench, name: str, inputs: Tensor, mixed: bool) -> float:
    """Of the project's own loop, on rows that lie on the device."""
    values = inputs.repeat(_LOOP_ROWS // BATCH, 1, 1, 1)
    rows = TensorRows(values, labels_of(_LOOP_ROWS).to(bench.device))
    setting = Setting({"lr": 1e-5, "batch_size": BATCH}, 2, 0)
    module: FinetuneModule = bench.module(name, mixed)
    train(module, rows, rows, setting)
    return 1000 * BATCH / train(module, rows, rows, setting).images_per_s


def _profile(step: Callable[[], None]) -> tuple[float, float]:
    """Kernels, and milliseconds of the GPU, of a step."""
    for _ in range(3):
        step()
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
        for _ in range(_PROFILED):
            step()
        torch.cuda.synchronize()
    kernels = [one for one in found.events() if str(one.device_type).endswith("CUDA")]
    busy_us = sum(one.time_range.elapsed_us() for one in kernels)
    return len(kernels) / _PROFILED, busy_us / _PROFILED / 1000


def _graphed(
    bench: Bench, name: str, inputs: Tensor, labels: Tensor, mixed: bool
) -> Callable[[], object]:
    module = bench.module(name, mixed).to(memory_format=torch.channels_last)
    step = _Step(module, inputs, labels, capturable=True)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def _compiled(
    bench: Bench, name: str, inputs: Tensor, labels: Tensor, mixed: bool
) -> Callable[[], object]:
    module = bench.module(name, mixed).to(memory_format=torch.channels_last)
    module.compile()
    return _Step(module, inputs, labels)
