"""What is computed once for all trials: weights, image shards, activation tables."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from typing import Any

import numpy as np
import ray
import torch

from datasets.drawn.synthetic import FRACTURE_TYPES, draw_radiograph
from datasets.preprocess import preprocess
from datasets.ray_data import errors_of_lost_work
from datasets.shards import write_shards
from sweeper.errors import ResourceError
from sweeper.plan.plan import CALIBRATION_IMAGES, Plan
from sweeper.progress import Progress
from sweeper.ray.failures import Attempts, readable
from sweeper.ray.session import Resources
from sweeper.results.run_file import StageTimes
from sweeper.store.store import key_of
from sweeper.threads import in_parallel
from trainables.backbones import load_backbone
from trainables.extraction import Extraction, ExtractionError, extract
from trainables.registry import BACKBONES
from trainables.stored_backbone import StoredBackbone, save_backbone


class Caches:
    """Makes the artifacts that trials share, where they are missing."""

    def __init__(
        self,
        plan: Plan,
        progress: Progress,
        times: StageTimes,
        resources: Callable[[], Resources],
    ) -> None:
        self.plan, self.store, self.config = plan, plan.store, plan.config
        self.progress, self.times, self.resources = progress, times, resources

    def load_backbones(self, names: Collection[str]) -> None:
        """Backbones with their weights, cut and stored. Raises WeightsError."""
        for name in sorted(names):
            made_from, weights = self.plan.backbones[name], self.plan.weights[name]
            if self.store.verified("backbones", key_of(made_from)) is None:
                self.progress.skip("load weights", f"{name}: {weights.label}")
                with self.progress.during(f"load weights of {name}"):
                    calibration = self._calibration if weights.is_random else None
                    backbone = load_backbone(BACKBONES[name], weights, calibration)
                with self.store.writing("backbones", made_from) as folder:
                    save_backbone(backbone, folder, self.store.filesystem)

    @cached_property
    def _calibration(self) -> torch.Tensor:
        """Drawn radiographs, uint8 (B, 3, H, W), for the BatchNorm statistics of random weights.

        Not images of the data set: whichever were taken, some split would test on them, and a split
        more would change the network that all tables hang on.
        """
        options = self.config.preprocess
        names = [FRACTURE_TYPES[i % len(FRACTURE_TYPES)] for i in range(CALIBRATION_IMAGES)]
        drawn = [draw_radiograph(name, 10**6 + i) for i, name in enumerate(names)]
        images = [
            preprocess(np.repeat(one[..., None], 3, 2), options.image_size, options.contrast)
            for one in drawn
        ]
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)

    def make_shards(self) -> None:
        """Image shards of the whole collection."""
        made_from, plan = self.plan.shards_from, self.plan
        with self.times.timed("preprocess and augment") as stage:
            if self.store.verified("shards", key_of(made_from)):
                stage.reused = plan.rows_per_table
                self.progress.skip("preprocess and augment", "in the store")
                return
            self.resources()
            self.progress.start("preprocess and augment", plan.rows_per_table, "images")
            with _deaths_told(), self.store.writing("shards", made_from) as folder:
                stage.made = write_shards(
                    plan.collection.images,
                    plan.collection.remote or plan.collection.root,
                    folder,
                    self.store.filesystem,
                    image_size=self.config.preprocess.image_size,
                    contrast=self.config.preprocess.contrast,
                    copies=plan.copies,
                    augmentation=self.config.augment.how,
                    on_progress=self.progress.reach,
                )
            self.progress.finish()

    def extract_tables(self, backbones: Collection[str]) -> None:
        """The backbones' missing tables, in one pass over each. Several backbones at once, the
        costliest first: one computes while another's workers start."""
        names = [name for name in sorted(backbones) if self._missing_tables(name)]
        if backbones and not names:
            self.progress.skip("extract", f"{len(backbones)} backbones in the store")
        if not names:
            return
        slots = self.resources().slots
        at_once = min(len(names), slots)
        reached: Counter[str] = Counter()

        def work(name: str) -> None:
            missing = self._missing_tables(name)  # again: another run may share the store
            if not missing:
                return
            with self.times.timed("extract", name) as stage:
                try:
                    self._extract(name, missing, slots // at_once, partial(reach, name))
                except ExtractionError as error:
                    raise ResourceError(f"extract: {error}") from None
                stage.made = self.plan.rows_per_table

        def reach(name: str, rows: int) -> None:
            reached[name] = rows
            self.progress.reach(reached.total())

        names.sort(key=lambda name: -BACKBONES[name].gmacs)
        self.progress.start("extract", len(names) * self.plan.rows_per_table, "images")
        in_parallel(work, names, at_once)
        self.progress.finish(f"{len(names)} backbone{'s' * (len(names) > 1)}")

    def _missing_tables(self, name: str) -> dict[str, dict[str, Any]]:
        """What the backbone's missing tables are made from, by kind."""
        cells = [cell for cell in self.plan.cells if cell.backbone == name]
        kinds = sorted({self.plan.source_of(cell) for cell in cells} - {"shards"})
        made_from = {kind: self.plan.source_from(kind, name) for kind in kinds}
        return {k: m for k, m in made_from.items() if not self.store.verified(k, key_of(m))}

    def _extract(
        self,
        name: str,
        missing: Mapping[str, Mapping[str, Any]],
        workers: int,
        on_progress: Callable[[int], None],
    ) -> None:
        config, folders = self.config, dict[str, str]()
        measured: dict[str, float] = {"rows": self.plan.rows_per_table, "workers": workers}
        backbone = self.store.get("backbones", key_of(self.plan.backbones[name])).folder
        args = self.plan.weights[name].model_args
        with ExitStack() as writing:
            for kind, made_from in missing.items():
                folders[kind] = writing.enter_context(self.store.writing(kind, made_from, measured))
            attempts = Attempts(self.resources().retries)
            started = time.perf_counter()
            extract(
                self.store.get("shards", key_of(self.plan.shards_from)).folder,
                self.store.filesystem,
                StoredBackbone(name, args, backbone, self.store.filesystem),
                Extraction(
                    folders.get("pooled"),
                    folders.get("prefix"),
                    config.head.pooling,
                    config.cache.dtype,
                ),
                rows=self.plan.rows_per_table,
                workers=workers,
                gpus_per_worker=self.resources().gpus_per_trial,
                again=lambda written, reason: attempts.again(str(written), reason),
                on_progress=on_progress,
            )
            measured["seconds"] = time.perf_counter() - started


@contextmanager
def _deaths_told() -> Iterator[None]:
    """A task that died as often as Ray may try it again, in one line."""
    try:
        yield
    except errors_of_lost_work(ray.exceptions.OutOfMemoryError) as error:
        reason = " ".join(readable(str(error)).split())
        raise ResourceError(f"preprocess and augment: its process died again: {reason}") from None
