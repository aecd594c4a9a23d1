"""Compute the artifacts that trials share: weights, image shards, activation tables."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import ray
import torch

from datasets.calibration_pictures import CALIBRATION_PICTURES
from datasets.errors import DataError
from datasets.preprocess import preprocess
from datasets.ray_data import errors_of_lost_work
from datasets.shards import write_shards
from sweeper.errors import ResourceError
from sweeper.plan.artifacts import CALIBRATION_IMAGES
from sweeper.plan.plan import ImageSet, Plan
from sweeper.progress import Progress
from sweeper.ray.failures import Attempts, readable
from sweeper.ray.session import Resources
from sweeper.stage_times import StageTimes
from sweeper.store.artifact import Target
from sweeper.threads import in_parallel
from trainables.extraction import Extraction, ExtractionError, extract
from trainables.network_size import network_size
from trainables.pretrained import load_backbone
from trainables.registry import WeightsError
from trainables.stored_backbone import StoredBackbone, save_backbone


@dataclass(frozen=True)
class _Pass:
    """All images of a set through a backbone."""

    backbone: str
    images: ImageSet

    def __hash__(self) -> int:
        return hash((self.backbone, self.images.key))


class Caches:
    """Computes the artifacts that trials share, if they are missing."""

    def __init__(
        self,
        plan: Plan,
        progress: Progress,
        times: StageTimes,
        resources: Callable[[], Resources],
    ) -> None:
        self.plan, self.store, self.config = plan, plan.store, plan.config
        self.progress, self.times, self.resources = progress, times, resources

    def load_backbones(self, names: Collection[str]) -> dict[str, str]:
        """Backbones with their weights, cut and stored. Returns those whose weights cannot be had,
        with the reason; raises WeightsError if that is so of all."""
        refused: dict[str, str] = {}
        for name in sorted(names):
            try:
                self._load_backbone(name)
            except WeightsError as error:
                refused[name] = str(error)
                if len(refused) == len(names):
                    raise
                self.progress.skip("load weights", f"{name} left out: {error}")
        return refused

    def _load_backbone(self, name: str) -> None:
        target, weights = self.plan.backbones[name], self.plan.weights[name]
        if self.store.verified(*target.place) is None:
            self.progress.skip("load weights", f"{name}: {weights.label}")
            with self.progress.during(f"load weights of {name}"):
                spec = self.plan.networks[name]
                calibration = self._calibration(name) if weights.is_random else None
                backbone = load_backbone(spec, weights, calibration)
            with self.store.writing(*target.content) as folder:
                self.store.add_sums(folder, save_backbone(backbone, folder, self.store.filesystem))

    def _calibration(self, backbone: str) -> torch.Tensor:
        """Drawn pictures, uint8 (B, 3, N, N), for the BatchNorm statistics of random weights.

        Not images of the data set: whichever were used, some split would test on them, and another
        split would change the network that all tables depend on.
        """
        how = self.plan.calibration(backbone)
        pictures = CALIBRATION_PICTURES[self.config.data.source].draw(CALIBRATION_IMAGES)
        images = [preprocess(np.repeat(one[..., None], 3, 2), how) for one in pictures]
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)

    def make_shards(self) -> None:
        """Image shards of the whole collection, for each augmentation."""
        for images in self.plan.distinct_image_sets:
            self._make_shards(images)

    def _make_shards(self, images: ImageSet) -> None:
        plan = self.plan
        with self.times.timed("preprocess and augment") as stage:
            if self.store.verified(*images.target.place):
                stage.reused = images.rows
                self.progress.skip("preprocess and augment", "in the store")
                return
            self.resources()
            self.progress.start("preprocess and augment", images.rows, "images")
            with (
                _one_line_if_killed(),
                self._damage_found(),
                self.store.writing(*images.target.content) as folder,
            ):
                written = write_shards(
                    plan.collection.images,
                    plan.collection.remote or plan.collection.root,
                    folder,
                    self.store.filesystem,
                    preprocessing=images.preprocessing,
                    copies=images.copies,
                    augmentation=images.pipeline,
                    on_progress=self.progress.reach,
                )
                self.store.add_sums(folder, written.sums)
                stage.made = written.rows
            self.progress.finish()

    @contextmanager
    def _damage_found(self) -> Iterator[None]:
        """Have images in the store that turn out to be damaged brought again by the next run."""
        try:
            yield
        except DataError:
            if place := self.plan.collection.place:
                self.store.verified(*place)
            raise

    def extract_tables(self, backbones: Collection[str]) -> None:
        """The backbones' missing tables, in one pass over each and its images. Several passes at
        once, the costliest backbones first: one computes while another's workers start."""
        passes = [one for name in sorted(backbones) for one in self._passes(name)]
        if backbones and not passes:
            self.progress.skip("extract", f"{len(backbones)} backbones in the store")
        if not passes:
            return
        slots = self.resources().slots
        at_once = min(len(passes), slots)
        reached: Counter[_Pass] = Counter()

        def work(one: _Pass) -> None:
            missing = self._missing_tables(one)  # again: another run may share the store
            if not missing:
                return
            with self.times.timed("extract", one.backbone) as stage:
                try:
                    self._extract(one, missing, slots // at_once, partial(reach, one))
                except ExtractionError as error:
                    raise ResourceError(f"extract: {error}") from None
                stage.made = one.images.rows

        def reach(one: _Pass, rows: int) -> None:
            reached[one] = rows
            self.progress.reach(reached.total())

        macs = {name: self._macs(name) for name in {one.backbone for one in passes}}
        passes.sort(key=lambda one: -macs[one.backbone])
        self.progress.start("extract", sum(one.images.rows for one in passes), "images")
        in_parallel(work, passes, at_once)
        names = {one.backbone for one in passes}
        self.progress.finish(f"{len(names)} backbone{'s' * (len(names) > 1)}")

    def _macs(self, backbone: str) -> float:
        """Multiply-adds of an image."""
        args = dict(self.plan.weights[backbone].model_args)
        return network_size(self.plan.tuned[backbone], args).macs

    def _passes(self, backbone: str) -> list[_Pass]:
        """A pass for each set of images that lacks a table."""
        sets = [_Pass(backbone, images) for images in self.plan.distinct_image_sets]
        return [one for one in sets if self._missing_tables(one)]

    def _missing_tables(self, one: _Pass) -> list[Target]:
        return [
            table
            for table in self.plan.tables(one.backbone, one.images)
            if not self.store.verified(*table.place)
        ]

    def _extract(
        self,
        one: _Pass,
        missing: Sequence[Target],
        workers: int,
        on_progress: Callable[[int], None],
    ) -> None:
        config, folders = self.config, dict[str, str]()
        measured: dict[str, float] = {"rows": one.images.rows, "workers": workers}
        backbone = self.store.get(*self.plan.backbones[one.backbone].place).folder
        args = self.plan.weights[one.backbone].model_args
        with ExitStack() as writing:
            for target in missing:
                folder = writing.enter_context(self.store.writing(*target.content, measured))
                folders[target.kind] = folder
            attempts = Attempts(self.resources().retries)
            started = time.perf_counter()
            written = extract(
                self.store.get(*one.images.target.place).folder,
                self.store.filesystem,
                StoredBackbone(
                    self.plan.tuned[one.backbone], args, backbone, self.store.filesystem
                ),
                Extraction(
                    folders.get("pooled"),
                    folders.get("prefix"),
                    config.head.pooling,
                    config.cache.dtype,
                ),
                rows=one.images.rows,
                workers=workers,
                gpus_per_worker=self.resources().gpus_per_trial,
                again=lambda written, reason: attempts.again(str(written), reason),
                on_progress=on_progress,
            )
            measured["seconds"] = time.perf_counter() - started
            for folder, sums in written.items():
                self.store.add_sums(folder, sums)


@contextmanager
def _one_line_if_killed() -> Iterator[None]:
    """Report a task that died as often as Ray may retry it, in one line."""
    try:
        yield
    except errors_of_lost_work(ray.exceptions.OutOfMemoryError) as error:
        reason = " ".join(readable(str(error)).split())
        raise ResourceError(f"preprocess and augment: its process died again: {reason}") from None
