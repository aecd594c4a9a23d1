"""Compute the artifacts that trials share: weights, image shards, activation tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

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
from sweeper.stage_times import StageTime, StageTimes
from sweeper.store.artifact import Target
from trainables.extraction import ExtractionError, Pass, Sums, extract
from trainables.extractor import Extraction
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
        """The backbones' missing tables, in one pass over each and its images, by all slots of the
        machine or cluster together. A pass is in the store as soon as its last row is."""
        passes = [one for name in sorted(backbones) for one in self._passes(name)]
        if backbones and not passes:
            self.progress.skip("extract", f"{len(backbones)} backbones in the store")
        if not passes:
            return
        workers, gpus = self.resources().of_extraction()
        attempts = Attempts(self.resources().retries)
        self.progress.start("extract", sum(one.images.rows for one in passes), "images")
        with ExitStack() as unfinished:
            writing = [_Writing(self, one, workers, unfinished) for one in passes]
            try:
                extract(
                    [self._pass(one) for one in passes],
                    self.store.filesystem,
                    begin=lambda number: writing[number].begin(),
                    finish=lambda number, sums, seconds: writing[number].finish(sums, seconds),
                    workers=workers,
                    gpus_per_worker=gpus,
                    again=attempts.again,
                    on_progress=self.progress.reach,
                )
            except ExtractionError as error:
                raise ResourceError(f"extract: {error}") from None
        names = {one.backbone for one in passes}
        self.progress.finish(f"{len(names)} backbone{'s' * (len(names) > 1)}")

    def _pass(self, one: _Pass) -> Pass:
        backbone = self.store.get(*self.plan.backbones[one.backbone].place).folder
        args = self.plan.weights[one.backbone].model_args
        return Pass(
            self.store.get(*one.images.target.place).folder,
            StoredBackbone(self.plan.tuned[one.backbone], args, backbone, self.store.filesystem),
            one.images.rows,
            cost=network_size(self.plan.tuned[one.backbone], dict(args)).macs,
        )

    def _passes(self, backbone: str) -> list[_Pass]:
        """A pass for each set of images that lacks a table."""
        sets = [_Pass(backbone, images) for images in self.plan.distinct_image_sets]
        return [one for one in sets if self.missing_tables(one)]

    def missing_tables(self, one: _Pass) -> list[Target]:
        return [
            table
            for table in self.plan.tables(one.backbone, one.images)
            if not self.store.verified(*table.place)
        ]


class _Writing:
    """The tables of a pass, from its first row to its last; `unfinished` removes them if the last
    one never comes."""

    def __init__(self, caches: Caches, one: _Pass, workers: int, unfinished: ExitStack) -> None:
        self.caches, self.one, self.workers = caches, one, workers
        self.tables = unfinished.enter_context(ExitStack())
        self.measured: dict[str, float] = {"rows": one.images.rows, "workers": 1}

    def begin(self) -> Extraction | None:
        """Where to write them; None if another run on this store has done so meanwhile."""
        store, config = self.caches.store, self.caches.config
        missing = self.caches.missing_tables(self.one)
        folders = {
            target.kind: self.tables.enter_context(store.writing(*target.content, self.measured))
            for target in missing
        }
        if not missing:
            return None
        return Extraction(
            folders.get("pooled"),
            folders.get("prefix"),
            config.head.pooling,
            config.cache.dtype,
            config.cache.precision,
        )

    def finish(self, sums: Sums, seconds: float) -> None:
        """Publish them; `seconds` of all workers together."""
        self.measured["seconds"] = seconds
        for folder, own in sums.items():
            self.caches.store.add_sums(folder, own)
        self.tables.close()
        row = StageTime("extract", self.one.backbone, seconds / self.workers, self.one.images.rows)
        self.caches.times.stages.append(row)


@contextmanager
def _one_line_if_killed() -> Iterator[None]:
    """Report a task that died as often as Ray may retry it, in one line."""
    try:
        yield
    except errors_of_lost_work(ray.exceptions.OutOfMemoryError) as error:
        reason = " ".join(readable(str(error)).split())
        raise ResourceError(f"preprocess and augment: its process died again: {reason}") from None
