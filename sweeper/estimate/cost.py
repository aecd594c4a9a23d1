"""Estimate the cost of a run before it starts: seconds, device-hours, store, memory.

Work is counted: rows, trials, multiply-adds, bytes. Its duration is a range (`speed`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from datasets.corruptions import SEVERITIES
from sweeper.estimate.span import Span
from sweeper.estimate.speed import TRAINING_PASSES, Speeds, pixels_scale
from sweeper.plan.grid import Cell
from sweeper.plan.ledger import Ledger
from sweeper.plan.splits import SplitName
from sweeper.strategies import STRATEGIES
from sweeper.strategies.base import PIXELS, Trained
from trainables.explanation_facts import (
    check_costs,
    compares_baselines,
    passes_of_checked_map,
    passes_of_map,
)
from trainables.network_size import NetworkSize, network_size

# Seconds, as seen on two cores of an AMD EPYC, idle and busy.
_RAY_START = Span(4, 12)
_STAGE_START = Span(2, 8)
_OF_CHAMPION = Span(0.2, 2.0)
_ZSTD = Span(0.3, 0.8)  # of the pixels' bytes
_PROCESS_BYTES = Span(0.4e9, 0.9e9)  # of a worker, before it has anything to compute
_ENGINE_BYTES = Span(0.9e9, 2.0e9)  # driver and Ray
_FORWARD_IMAGES, _EXPLAIN_IMAGES = 32, 16
_FLOAT = 4
_HEAD_WIDTH = 700  # numbers of a head for each of its inputs


@dataclass(frozen=True)
class StageCost:
    """One line of the estimate. `busy_s` is the sum over slots, `wall_s` the elapsed time."""

    stage: str
    backbone: str
    work: int
    unit: str
    busy_s: Span
    wall_s: Span
    store_bytes: Span
    memory_bytes: Span
    origin: str


class Estimate:
    """The cost of the missing parts of a plan, on `slots` processors (or shares of GPUs)."""

    def __init__(
        self, ledger: Ledger, speeds: Speeds, sizes: Mapping[str, NetworkSize], slots: int
    ) -> None:
        self.ledger, self.plan, self.config = ledger, ledger.plan, ledger.plan.config
        self.speeds, self.sizes, self.slots = speeds, sizes, slots

    @cached_property
    def stages(self) -> list[StageCost]:
        """Every stage with work left."""
        stages = [
            *self._preprocess(),
            *self._extract(),
            *(stage for name in STRATEGIES for stage in self._trials(name)),
            *self._evaluate(),
        ]
        return [*stages, *self._explain(stages), *self._robustness()]

    @property
    def wall_s(self) -> Span:
        start = _RAY_START if self.stages else Span.none()
        return sum((stage.wall_s for stage in self.stages), start)

    @property
    def busy_s(self) -> Span:
        return sum((stage.busy_s for stage in self.stages), Span.none())

    @property
    def store_bytes(self) -> Span:
        return sum((stage.store_bytes for stage in self.stages), Span.none())

    @property
    def memory_bytes(self) -> Span:
        """Peak memory of all processes together, without memory-mapped tables."""
        spans = [stage.memory_bytes for stage in self.stages] or [Span.none()]
        return Span(max(one.low for one in spans), max(one.high for one in spans))

    # --- what is computed once -------------------------------------------------------------

    @cached_property
    def _open(self) -> list[Cell]:
        return [cell for cell in self.plan.cells if not self.ledger.is_settled(cell)]

    @cached_property
    def _unexplained(self) -> list[Cell]:
        return [cell for cell in self.plan.cells if not self.ledger.is_explained(cell)]

    def _preprocess(self) -> Iterator[StageCost]:
        if not (self._open or self._unexplained):
            return
        rate = self.speeds.of("preprocess")
        for images in self.plan.distinct_image_sets:
            if not self.plan.store.find(*images.target.place):
                busy = Span.exactly(images.rows * pixels_scale(images.image_size)) / rate.span
                stored = _ZSTD * (images.rows * 3 * images.image_size**2)
                yield self._stage(
                    "preprocess and augment",
                    "",
                    images.rows,
                    "images",
                    busy,
                    stored,
                    0,
                    rate.origin,
                )

    def _extract(self) -> Iterator[StageCost]:
        for name in sorted({cell.backbone for cell in self._open}):
            for images in self.plan.distinct_image_sets:
                missing = [
                    one.kind
                    for one in self.plan.tables(name, images)
                    if not self.plan.store.find(*one.place)
                ]
                if missing:
                    yield self._pass(name, images.rows, missing)

    def _pass(self, name: str, rows: int, missing: Sequence[str]) -> StageCost:
        size = self.sizes[name]
        number = 2 if self.config.cache.dtype == "float16" else _FLOAT
        stored = rows * size.feature_dim * _FLOAT * ("pooled" in missing)
        stored += rows * size.prefix_values * number * ("prefix" in missing)
        if not self.plan.store.find(*self.plan.backbones[name].place):
            stored += size.parameters * _FLOAT
        rate = self.speeds.of("forward", name)
        busy = Span.exactly(rows * size.macs) / rate.span
        memory = _FLOAT * (3 * size.largest_layer * _FORWARD_IMAGES + size.parameters)
        bytes_ = Span.exactly(stored)
        return self._stage("extract", name, rows, "images", busy, bytes_, memory, rate.origin)

    def prefix_of_epoch(self, name: str) -> tuple[float, Span]:
        """Bytes that an epoch of fine-tuning reads from the backbone's prefix table, and seconds in
        which it would compute them: of the cell with the most rows; 0 if there is none."""
        cells = [cell for cell in self._open if cell.backbone == name]
        rows = [self._rows(cell) for cell in cells if self.plan.source_of(cell) == "prefix"]
        most = max((sum(one[part] for part in ("train", "val")) for one in rows), default=0)
        size, number = self.sizes[name], 2 if self.config.cache.dtype == "float16" else _FLOAT
        seconds = Span.exactly(most * size.prefix_macs) / self.speeds.of("forward", name).span
        return float(most * size.prefix_values * number), seconds

    # --- trials ------------------------------------------------------------------------------

    def _trials(self, strategy: str) -> Iterator[StageCost]:
        for name in self.config.grid.backbones:
            cells = [c for c in self.plan.cells if (c.strategy, c.backbone) == (strategy, name)]
            yield from self._trials_of(strategy, name, cells)

    def _trials_of(self, strategy: str, name: str, cells: list[Cell]) -> Iterator[StageCost]:
        busy, stored, count, origin = Span.none(), Span.none(), 0, ""
        beside = Span(*STRATEGIES[strategy].seconds_beside_training)
        for cell in cells:
            for draw, setting in self._missing(cell):
                macs, kind = self._work(cell, setting)
                rate = self.speeds.of(kind, name)
                epochs = self._epochs(cell, draw, setting)
                busy += Span(epochs.low * macs.low, epochs.high * macs.high) / rate.span + beside
                stored += self._weights(cell, setting, draw)
                count, origin = count + 1, rate.origin
        if count:
            trained = STRATEGIES[strategy].trained(self.sizes[name], self.config).parameters
            memory = _FLOAT * 6.0 * (trained + self.sizes[name].feature_dim * _HEAD_WIDTH)
            yield self._stage(strategy, name, count, "trials", busy, stored, memory, origin)

    def _missing(self, cell: Cell) -> list[tuple[int, Mapping[str, Any]]]:
        """Draws that have to be run; all if the champion that they start from is not known."""
        specs = self.ledger.trials(cell)
        if not specs:
            return list(enumerate(self.plan.draws(cell)))
        later = list(enumerate(self.plan.draws(cell)))[len(specs) :]  # as costly as others
        later = later if self.ledger.unsuggested(cell) else []
        known = [(s.draw, s.hyperparameters) for s in specs if self.ledger.needs_running(s)]
        return [*known, *later]

    def _work(self, cell: Cell, setting: Mapping[str, Any]) -> tuple[Span, str]:
        """Multiply-adds of an epoch, and the kind of work that dominates it."""
        rows, strategy = self._rows(cell), STRATEGIES[cell.strategy]
        trained, frozen = self._image(cell, setting)
        seen = self.plan.epoch_rows(cell) or rows["train"]
        passes = Span(*strategy.passes_of_epoch) * (seen * (TRAINING_PASSES * trained + frozen))
        validation = Span.exactly(rows["val"] * (trained + frozen))
        return passes + validation, self._kind(cell, setting)

    def _image(self, cell: Cell, setting: Mapping[str, Any]) -> tuple[float, float]:
        """Multiply-adds of one image in what a trial trains, and in what it runs frozen."""
        size = self.sizes[cell.backbone]
        head = self._head(cell, setting).macs
        trained = head + STRATEGIES[cell.strategy].trained(size, self.config).macs
        from_pixels = self.plan.source_of(cell) == PIXELS
        return trained, max(0.0, size.macs + head - trained) if from_pixels else 0.0

    def _kind(self, cell: Cell, setting: Mapping[str, Any]) -> str:
        trained, frozen = self._image(cell, setting)
        is_head = trained == self._head(cell, setting).macs
        work = STRATEGIES[cell.strategy].work
        return "train" if frozen else "head" if is_head and work == "train" else work

    def _head(self, cell: Cell, setting: Mapping[str, Any]) -> Trained:
        size, classes = self.sizes[cell.backbone], len(self.plan.scenarios[cell.scenario])
        rows = self._rows(cell)["train"]
        return STRATEGIES[cell.strategy].head(size.feature_dim, setting, classes, rows)

    def _epochs(self, cell: Cell, draw: int, setting: Mapping[str, Any]) -> Span:
        """The range of epochs of the draws after the first. With ASHA, from every rung passing one
        trial in `reduction_factor` to no trial being stopped."""
        full, grace = self.plan.limits(cell.strategy)[1], self.plan.grace_epochs(cell, setting)
        rungs = [rung for rung in self.plan.rungs(cell.strategy) if rung >= grace]
        if draw == 0 or not rungs:
            return Span.exactly(full)
        survives, epochs, before = 1.0, 0.0, 0
        for rung in [*rungs, full]:
            epochs += survives * (rung - before)
            survives, before = survives / self.config.search.reduction_factor, rung
        return Span(epochs, full)

    def _weights(self, cell: Cell, setting: Mapping[str, Any], draw: int) -> Span:
        """Bytes of a finished trial; a stopped one leaves next to nothing."""
        size = self.sizes[cell.backbone]
        classes = len(self.plan.scenarios[cell.scenario])
        numbers = self._head(cell, setting).parameters
        numbers += STRATEGIES[cell.strategy].trained(size, self.config).parameters
        full = numbers * _FLOAT + self._rows(cell)["val"] * (classes * _FLOAT + 30)
        stopped = draw > 0 and self.config.search.scheduler == "asha"
        return Span(0.0 if stopped else full, full)

    # --- champions ---------------------------------------------------------------------------

    def _evaluate(self) -> Iterator[StageCost]:
        cells, busy, stored = self._open, Span.none(), 0.0
        for cell in cells:
            setting, rows = self.plan.draws(cell)[0], self._rows(cell)
            macs, kind = sum(self._image(cell, setting)), self._kind(cell, setting)
            busy += Span.exactly(rows["test"] * macs) / self.speeds.of(kind, cell.backbone).span
            busy += _OF_CHAMPION
            stored += rows["test"] * (len(self.plan.scenarios[cell.scenario]) * _FLOAT + 30)
        if cells:
            origin = self.speeds.of("head", cells[0].backbone).origin
            bytes_ = Span.exactly(stored)
            yield self._stage("evaluate", "", len(cells), "champions", busy, bytes_, 0, origin)

    def _explain(self, before: Sequence[StageCost]) -> Iterator[StageCost]:
        """Maps and their checks: from few to all steps for each map, but no more than the share of
        the time. Which backbone leads is not known before the end."""
        groups = self._unexplained_groups()
        if not groups:
            return
        busy, explain = Span.none(), self.config.explain
        for cells in groups:
            costs = [self._of_maps(cell) for cell in cells]
            busy += Span(min(one.low for one in costs), max(one.high for one in costs))
        if explain.time_share is not None:
            computed = Span.exactly(self.ledger.computing_seconds())
            others = sum((stage.busy_s for stage in before), computed)
            most = others * (explain.time_share / (1 - explain.time_share))
            busy = Span(min(busy.low, most.low), min(busy.high, most.high))
        busy += _OF_CHAMPION * len(groups)
        stored = Span(0, sum(max(map(self._most_maps, cells)) for cells in groups))
        stored *= max(how.image_size for how in self.plan.preprocessings) ** 2 * _FLOAT
        largest = max((self.sizes[c.backbone] for g in groups for c in g), key=lambda s: s.macs)
        memory = _FLOAT * (2.5 * largest.all_layers * _EXPLAIN_IMAGES + largest.parameters)
        origin = self.speeds.of("explain", groups[0][0].backbone).origin
        yield self._stage("explain", "", len(groups), "champions", busy, stored, memory, origin)

    def _unexplained_groups(self) -> list[list[Cell]]:
        """Groups of cells, one of each of which is to be explained."""
        if self.config.explain.champions == "all":
            return [[cell] for cell in self._unexplained]
        groups: dict[str, list[Cell]] = {}
        for cell in self._unexplained:
            if cell.split_policy == self.plan.most_trusted:
                groups.setdefault(cell.scenario, []).append(cell)
        return list(groups.values())

    def _most_maps(self, cell: Cell) -> int:
        """A mistake has a map of two classes."""
        return self._most_explained(cell) * len(list(self._voices()))

    def _most_explained(self, cell: Cell) -> int:
        explain, classes = self.config.explain, len(self.plan.scenarios[cell.scenario])
        return 2 * (explain.examples + 2 * explain.per_class * classes)

    def _voices(self) -> Iterator[tuple[str, str]]:
        """Method and baseline of each map of one class of an image."""
        explain = self.config.explain
        for method in explain.methods:
            wanted = explain.baselines if compares_baselines(method) else explain.baselines[:1]
            yield from ((method, baseline) for baseline in wanted)

    def _of_maps(self, cell: Cell) -> Span:
        explain, size = self.config.explain, self.sizes[cell.backbone]
        passes = Span.none()
        for method, baseline in self._voices():
            noises = explain.random_baselines if baseline == "random" else 1
            passes += Span(*passes_of_map(method, explain.max_steps, noises))
        work = passes * (self._most_explained(cell) * size.macs)
        work += self._passes_of_checks() * size.macs
        return work / self.speeds.of("explain", cell.backbone).span

    def _passes_of_checks(self) -> Span:
        """Forward passes of the checks of a champion's maps."""
        if not self.plan.checks_maps:
            return Span.none()
        explain, found, costs = self.config.explain, Span.none(), check_costs()
        for method in explain.methods:
            found += Span(*passes_of_checked_map(method, explain.random_baselines))
        followed = (len(explain.methods) + costs.references) * costs.passes
        return (found * costs.maps + Span.exactly(followed)) * explain.checked_images

    def _robustness(self) -> Iterator[StageCost]:
        """Which champions lead is not known yet: the bounds take the smallest and largest network
        of each split policy and scenario."""
        section = self.config.robustness
        missing = [cell for cell in self.plan.cells if self.ledger.corrupted_is_open(cell)]
        if not missing:
            return
        versions = 1 + len(section.corruptions) * len(SEVERITIES)
        groups: dict[tuple[Any, ...], list[Span]] = {}
        for cell in missing:
            macs = self.sizes[cell.backbone].macs * self._rows(cell)["test"] * versions
            busy = Span.exactly(macs) / self.speeds.of("forward", cell.backbone).span
            key = cell.point if section.champions == "all" else (cell.split_policy, cell.scenario)
            groups.setdefault(key, []).append(busy + _OF_CHAMPION)
        busy = sum(
            (Span(min(o.low for o in one), max(o.high for o in one)) for one in groups.values()),
            Span.none(),
        )
        origin = self.speeds.of("forward", missing[0].backbone).origin
        stored = Span.exactly(len(groups) * versions * 100.0 * self._rows(missing[0])["test"])
        yield self._stage("robustness", "", len(groups), "champions", busy, stored, 0, origin)

    # -------------------------------------------------------------------------------------------

    def _rows(self, cell: Cell) -> Mapping[str, int]:
        return self._rows_of_splits[SplitName.of(cell)]

    @cached_property
    def _rows_of_splits(self) -> dict[SplitName, Counter[str]]:
        return {name: Counter(split.rows["part"]) for name, split in self.plan.splits.items()}

    def _stage(
        self,
        stage: str,
        backbone: str,
        work: int,
        unit: str,
        busy: Span,
        stored: Span,
        computing_bytes: float,
        origin: str,
    ) -> StageCost:
        wall = busy * (1 / min(self.slots, max(1, work))) + _STAGE_START
        process = _PROCESS_BYTES + Span(computing_bytes * 0.7, computing_bytes * 1.5)
        memory = _ENGINE_BYTES + process * self.slots
        return StageCost(stage, backbone, work, unit, busy, wall, stored, memory, origin)


def sizes_of(ledger: Ledger) -> dict[str, NetworkSize]:
    """The sizes of the plan's backbones, with the cut before what fine-tuning trains."""
    plan = ledger.plan
    return {
        name: network_size(plan.tuned[name], dict(weights.model_args))
        for name, weights in plan.weights.items()
    }
