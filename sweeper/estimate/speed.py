"""The speed of a machine for a run's work: guessed, learnt from earlier runs, or measured.

Rates are multiply-adds a second of one slot (a processor, or a trial's share of a GPU), for five
kinds of work: `forward` of a frozen network, `train` of a suffix, `head`, `probe`, and `explain`.
Each is a range: one machine trained the same head at 2,400 to 11,400 rows a second, depending on
other load.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from sweeper.estimate.span import Span
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import Plan
from trainables.network_size import NetworkSize

KINDS = ("forward", "train", "head", "probe", "explain", "preprocess")
GUESSED, LEARNT, MEASURED = "guessed", "learnt", "measured"
TRAINING_PASSES = 3.0  # forward, gradient of the inputs, gradient of the weights
# Multiply-adds a second: one core of an AMD EPYC computed MobileNet's depthwise layers at 27e9,
# ResNet50's at 56e9 and VGG16's at more (docs/explanation/performance.md). Other machines: half to
# twice.
# `preprocess` is rows a second at 224 px.
_CPU = {
    "forward": Span(12e9, 70e9),
    "train": Span(20e9, 90e9),
    "head": Span(5e9, 25e9),
    "probe": Span(4e9, 12e9),
    "explain": Span(10e9, 60e9),
    "preprocess": Span(150, 700),
}
_GPU = {
    "forward": Span(0.8e12, 12e12),
    "train": Span(0.4e12, 6e12),
    "head": Span(1e9, 60e9),  # bound by the start of its small kernels
    "probe": _CPU["probe"],  # computed on the processor
    "explain": Span(0.4e12, 6e12),
    "preprocess": _CPU["preprocess"],
}
_FEW, _OF_FEW = 4, Span(0.6, 1.5)  # fewer records than this are widened
_OF_OTHERS = Span(0.5, 2.0)  # what is learnt of one backbone, for another
_START_S = 4.0  # of a stage's seconds in an earlier run, before its first row


@dataclass(frozen=True)
class Rate:
    """A range of rates and where it comes from."""

    span: Span
    origin: str


class Speeds:
    """The best known rate of every kind of work and backbone."""

    def __init__(self, on_gpu: bool) -> None:
        self._guessed = _GPU if on_gpu else _CPU
        self._known: dict[tuple[str, str], Rate] = {}

    def know(self, kind: str, backbone: str, span: Span, origin: str) -> None:
        """Replace an earlier rate; backbone "": work without one."""
        self._known[kind, backbone] = Rate(span, origin)

    def of(self, kind: str, backbone: str = "") -> Rate:
        if rate := self._known.get((kind, backbone)):
            return rate
        others = [rate.span for (known, _), rate in self._known.items() if known == kind]
        if others:
            low, high = min(one.low for one in others), max(one.high for one in others)
            return Rate(Span(low * _OF_OTHERS.low, high * _OF_OTHERS.high), LEARNT)
        return Rate(self._guessed[kind], GUESSED)


def learn_from_records(
    speeds: Speeds, ledger: Ledger, sizes: Mapping[str, NetworkSize], device: str
) -> None:
    """Learn rates from the plan's finished trials that ran on this kind of device."""
    found: dict[tuple[str, str], list[float]] = {}
    for cell in ledger.plan.cells:
        for spec in ledger.trials(cell):
            record = ledger.record(spec)
            if not record or not record["images_per_s"] or record["device"] != device:
                continue
            size = sizes[cell.backbone]
            if spec.is_end_to_end:
                continue
            kind, strategy = spec.entry.work, spec.entry
            rows = ledger.plan.split_of(cell).count("train")
            macs = strategy.head(size.feature_dim, spec.hyperparameters, spec.classes, rows).macs
            macs += strategy.trained(size, ledger.plan.config).macs
            passes = TRAINING_PASSES if strategy.passes_of_epoch[1] else 1.0
            rate = record["images_per_s"] * macs * passes
            found.setdefault((kind, cell.backbone), []).append(rate)
    for (kind, backbone), rates in found.items():
        speeds.know(kind, backbone, _span(rates), LEARNT)


def learn_from_run(
    speeds: Speeds, run_file: Path, sizes: Mapping[str, NetworkSize], slots: int, plan: Plan
) -> None:
    """Learn rates from an earlier run's stages, if it had as many processors and the image size."""
    image_size = plan.config.preprocess.image_size
    try:
        about = json.loads(run_file.read_text(encoding="utf-8"))
        stages, cores = about["stages"], about["hardware"]["cores"]
        same_size = about["config"]["preprocess"]["image_size"] == image_size
    except (OSError, ValueError, KeyError, TypeError):
        return
    if not same_size or about["hardware"].get("gpus") or cores != slots:
        return
    extracted = [stage for stage in stages if stage["stage"] == "extract" and stage["made"]]
    for stage in extracted:
        if size := sizes.get(stage["backbone"]):
            work = stage["made"] * size.macs / slots
            speeds.know("forward", stage["backbone"], _of_stage(work, stage), LEARNT)
    for stage in stages:
        if stage["stage"] == "preprocess and augment" and stage["made"]:
            scale = fmean(pixels_scale(how.image_size) for how in plan.preprocessings)
            rows = stage["made"] / slots * scale
            speeds.know("preprocess", "", _of_stage(rows, stage), LEARNT)


def pixels_scale(image_size: int) -> float:
    """The work of a preprocessed row, as a multiple of one of 224 px; decoding stays the same."""
    return 0.3 + 0.7 * (image_size / 224) ** 2


def _of_stage(work: float, stage: Mapping[str, Any]) -> Span:
    """The rate of a stage, with and without the time that it took to start."""
    seconds = float(stage["seconds"])
    rate = work / max(seconds, 0.1)
    return Span(rate * 0.7, work / max(seconds - _START_S, seconds / 3) * 1.3)


def _span(rates: Iterable[float]) -> Span:
    values = sorted(rates)
    if len(values) < _FEW:
        return Span(values[0] * _OF_FEW.low, values[-1] * _OF_FEW.high)
    low, high = np.quantile(values, [0.1, 0.9])
    return Span(float(low) * 0.8, float(high) * 1.2)
