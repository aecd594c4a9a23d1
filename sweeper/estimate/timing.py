"""Measure for a few seconds how fast one slot of this machine does each kind of a run's work."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from datasets.augment import augment
from datasets.decoding.decode import decode_image, read_file
from datasets.preprocess import preprocess
from sweeper.estimate.span import Span
from sweeper.estimate.speed import MEASURED, TRAINING_PASSES, Speeds, pixels_scale
from sweeper.plan.plan import Plan
from trainables.backbones import Backbone, build_backbone
from trainables.explain import Score
from trainables.finetune import with_backbone
from trainables.heads import GlobalPool, build_head
from trainables.inference import channels_last, for_inference
from trainables.network_size import NetworkSize, head_macs

_FORWARD, _BATCH = 32, 16
_LEAST_S = 0.3  # of repeats, after one that warms up
_IMAGES = 12
_AROUND = Span(0.45, 1.15)  # all slots at once share memory, and other work comes


def measure(
    speeds: Speeds, plan: Plan, sizes: Mapping[str, NetworkSize], device: torch.device
) -> None:
    """Time the plan's backbones, with random weights, and its first images."""
    if device.type == "cpu":
        torch.set_num_threads(1)  # as a trial has
    _preprocess(speeds, plan)
    for name, size in sizes.items():
        arguments = dict(plan.weights[name].model_args)

        def built(name: str = name, arguments: dict[str, str] = arguments) -> Backbone:
            return build_backbone(plan.tuned[name], arguments).to(device)

        pixels = torch.rand(_FORWARD, 3, *[plan.networks[name].image_size] * 2, device=device)
        _network(speeds, name, size, plan, built, pixels)


def _preprocess(speeds: Speeds, plan: Plan) -> None:
    images = plan.distinct_image_sets[0]
    paths = [Path(plan.collection.root, p) for p in plan.collection.images["path"][:_IMAGES]]

    def work() -> None:
        for path in paths:
            image = preprocess(decode_image(read_file(path)), images.preprocessing)
            for copy in range(images.copies + 1):
                augment(image, "0" * 64, copy, images.pipeline)

    rows = len(paths) * (images.copies + 1) * pixels_scale(images.image_size)
    speeds.know("preprocess", "", _around(rows / _seconds(work)), MEASURED)


def _network(
    speeds: Speeds,
    name: str,
    size: NetworkSize,
    plan: Plan,
    built: Callable[[], Backbone],
    pixels: torch.Tensor,
) -> None:
    pooling, classes = plan.config.head.pooling, max(map(len, plan.scenarios.values()))
    hidden = next(iter(plan.recipes.values())).first_draw["hidden"]
    head = build_head(size.feature_dim, hidden, classes).to(pixels.device)
    macs = head_macs(size.feature_dim, hidden, classes)
    backbone = built()
    with torch.no_grad():
        activations = backbone.prefix(pixels[:_BATCH])
        features = GlobalPool(pooling)(backbone.suffix(activations))
    backbone.suffix.requires_grad_(True)
    suffix = torch.nn.Sequential(backbone.suffix, GlobalPool(pooling), head)
    labels = torch.zeros(_BATCH, dtype=torch.int64, device=pixels.device)
    tuned = _BATCH * TRAINING_PASSES * (size.suffix_macs + macs)
    rates = {
        "train": tuned / _seconds(_step(suffix, activations, labels)),
        "head": _BATCH * TRAINING_PASSES * macs / _seconds(_step(head, features, labels)),
        "explain": _explain_rate(built(), pooling, head, size, pixels[:_BATCH]),
        "forward": _forward_rate(built(), size, pixels),
    }
    for kind, rate in rates.items():
        speeds.know(kind, name, _around(rate), MEASURED)


def _step(
    module: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor
) -> Callable[[], None]:
    """A training step, as in `trainables.loop`."""
    optimiser = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], fused=True)
    module.train()

    def step() -> None:
        loss = torch.nn.functional.cross_entropy(module(inputs), labels)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return step


def _forward_rate(backbone: Backbone, size: NetworkSize, pixels: torch.Tensor) -> float:
    network = for_inference(torch.nn.Sequential(backbone.prefix, backbone.suffix))
    inputs = channels_last(pixels)

    def work() -> None:
        with torch.inference_mode():
            network(inputs)

    return len(pixels) * size.macs / _seconds(work)


def _explain_rate(
    backbone: Backbone,
    pooling: str,
    head: torch.nn.Module,
    size: NetworkSize,
    pixels: torch.Tensor,
) -> float:
    network = Score(with_backbone(backbone, pooling, head))

    def work() -> None:
        inputs = pixels.clone().requires_grad_(True)
        torch.autograd.grad(network(inputs)[:, 0].sum(), inputs)

    return len(pixels) * size.macs * 2 / _seconds(work)


def _seconds(work: Callable[[], None]) -> float:
    """Of one call, the mean over some that take `_LEAST_S` together."""
    work()
    _wait()
    started, count = time.perf_counter(), 0
    while count == 0 or time.perf_counter() - started < _LEAST_S:
        work()
        _wait()
        count += 1
    return (time.perf_counter() - started) / count


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _around(rate: float) -> Span:
    return Span(rate * _AROUND.low, rate * _AROUND.high)
