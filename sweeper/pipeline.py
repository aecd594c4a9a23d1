"""The whole way, top to bottom like the paper's steps.

    collect -> audit -> split -> preprocess + augment -> extract -> transfer -> fine-tune
            -> evaluate -> explain -> report

Each step asks the store what is there, makes what is missing, and leaves the rest alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.preprocess import preprocess
from datasets.shards import write_shards
from datasets.synthetic import FRACTURE_TYPES, draw_radiograph
from reports.page import build_page
from sweeper.about import StageTime, describe_run, write_run_file
from sweeper.asha import CellAsha, CellRungs
from sweeper.champions import evaluate_champion, explain_champion
from sweeper.collect import collect
from sweeper.config import Config
from sweeper.grid import Cell
from sweeper.ledger import Ledger
from sweeper.plan import CALIBRATION_IMAGES, Plan
from sweeper.progress import Progress
from sweeper.results import Outcome, write_tables
from sweeper.runner import Resources, in_parallel, ray_session, run_tasks, run_trials
from sweeper.store import Artifact, Store, key_of
from sweeper.trial import TrialSpec
from trainables.activations import Extraction, StoredBackbone, extract, save_backbone
from trainables.backbones import load_backbone
from trainables.registry import BACKBONES


def run_sweep(config: Config, out: Path, command: str, progress: Progress) -> Outcome:
    """Run what is missing of a configuration and write tables and report to `out`."""
    with Sweep(config, out, command, progress) as sweep:
        sweep.preprocess_and_augment()
        sweep.extract_activations()
        sweep.transfer()
        sweep.finetune()
        sweep.evaluate()
        sweep.explain()
        return sweep.report("complete")


def rebuild_report(config: Config, out: Path, command: str, progress: Progress) -> Outcome:
    """Tables and report of a configuration from what is in the store; runs nothing."""
    with Sweep(config, out, command, progress) as sweep:
        return sweep.report("complete")


@dataclass
class Sweep:
    """A run under way: its plan, what the store has of it, and Ray once it is needed."""

    config: Config
    out: Path
    command: str
    progress: Progress
    stages: list[StageTime] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)  # cell id -> why it has no evaluation
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.store = Store(self.config.store)
        with self._timed("collect and audit") as stage:
            collection = collect(self.config.data, self.store)
            stage.made = len(collection.manifest)
        with self._timed("split") as stage:
            self.plan = Plan(self.config, collection, self.store)
            stage.made = len(self.plan.splits)
        self.ledger = Ledger(self.plan)
        self._open = ExitStack()
        excluded = len(collection.manifest) - len(collection.images)
        self.progress.skip(
            "collect and audit",
            f"{len(collection.images)} images in {len(collection.classes)} classes, "
            f"{excluded} excluded, {len(collection.duplicates)} duplicate pairs",
        )

    def __enter__(self) -> Sweep:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @cached_property
    def resources(self) -> Resources:
        """Starts Ray, the first time that something has to be run."""
        wanted = self.config.resources
        session = ray_session(wanted.cpus, wanted.gpus_per_trial, wanted.workers_per_trial)
        return self._open.enter_context(session)

    @cached_property
    def _open_backbones(self) -> set[str]:
        """Backbones with a cell that is not trained and evaluated, as the run begins."""
        return {c.backbone for c in self.plan.cells if not self.ledger.is_settled(c)}

    @cached_property
    def _unexplained_backbones(self) -> set[str]:
        return {c.backbone for c in self.plan.cells if not self.ledger.is_explained(c)}

    # --- images and tables -------------------------------------------------------------------

    def preprocess_and_augment(self) -> None:
        """Image shards: every image preprocessed, with its augmented copies."""
        if not self._open_backbones and not self._unexplained_backbones:
            return
        made_from, plan = self.plan.shards_from, self.plan
        with self._timed("preprocess and augment") as stage:
            if self.store.find("shards", key_of(made_from)):
                stage.reused = plan.rows_per_table
                self.progress.skip("preprocess and augment", "in the store")
                return
            _ = self.resources
            self.progress.start("preprocess and augment", plan.rows_per_table, "images")
            with self.store.writing("shards", made_from) as folder:
                stage.made = write_shards(
                    plan.collection.images,
                    plan.collection.root,
                    folder,
                    self.store.filesystem,
                    image_size=self.config.preprocess.image_size,
                    contrast=self.config.preprocess.contrast,
                    copies=plan.copies,
                    on_progress=self.progress.reach,
                )
            self.progress.finish()

    def extract_activations(self) -> None:
        """Activation tables of every backbone that still has work, in one pass over each. Several
        backbones at once, the costliest first: one computes while another's workers start."""
        for name in sorted(self._open_backbones | self._unexplained_backbones):
            self._load_backbone(name)
        missing = {name: self._missing_tables(name) for name in sorted(self._open_backbones)}
        names = [name for name, tables in missing.items() if tables]
        if missing and not names:
            self.progress.skip("extract", f"{len(missing)} backbones in the store")
        if not names:
            return
        slots = self.resources.slots
        at_once = min(len(names), slots)
        reached: Counter[str] = Counter()

        def work(name: str) -> None:
            with self._timed("extract", name) as stage:
                self._extract(name, missing[name], slots // at_once, partial(reach, name))
                stage.made = self.plan.rows_per_table

        def reach(name: str, rows: int) -> None:
            reached[name] = rows
            self.progress.reach(reached.total())

        names.sort(key=lambda name: -BACKBONES[name].gmacs)
        self.progress.start("extract", len(names) * self.plan.rows_per_table, "images")
        in_parallel(work, names, at_once)
        self.progress.finish(f"{len(names)} backbones")

    def _missing_tables(self, name: str) -> dict[str, dict[str, Any]]:
        """What the backbone's missing tables are made from, by kind."""
        kinds = ["pooled"] + ["prefix"] * ("finetune" in self.config.grid.strategies)
        made_from = {kind: self.plan.table_from(kind, name) for kind in kinds}
        return {k: m for k, m in made_from.items() if not self.store.find(k, key_of(m))}

    def _load_backbone(self, name: str) -> None:
        made_from = self.plan.backbones[name]
        if self.store.find("backbones", key_of(made_from)):
            return
        weights = self.plan.weights[name]
        backbone = load_backbone(
            BACKBONES[name], weights, self._calibration if weights.is_random else None
        )
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

    def _extract(
        self,
        name: str,
        missing: Mapping[str, Mapping[str, Any]],
        workers: int,
        on_progress: Callable[[int], None],
    ) -> None:
        config, folders = self.config, dict[str, str]()
        with ExitStack() as writing:
            for kind, made_from in missing.items():
                folders[kind] = writing.enter_context(self.store.writing(kind, made_from))
            extract(
                self.store.get("shards", key_of(self.plan.shards_from)).folder,
                self.store.filesystem,
                self._stored_backbone(name),
                Extraction(
                    folders.get("pooled"),
                    folders.get("prefix"),
                    config.head.pooling,
                    config.cache.dtype,
                ),
                image_size=config.preprocess.image_size,
                rows=self.plan.rows_per_table,
                workers=workers,
                gpus_per_worker=self.resources.gpus_per_trial,
                on_progress=on_progress,
            )

    def _stored_backbone(self, name: str) -> StoredBackbone:
        folder = self.store.get("backbones", key_of(self.plan.backbones[name])).folder
        args = self.plan.weights[name].model_args
        return StoredBackbone(name, args, folder, self.store.filesystem)

    # --- trials ------------------------------------------------------------------------------

    def transfer(self) -> None:
        """Heads on pooled features."""
        self._run_cells("transfer")

    def finetune(self) -> None:
        """Suffix and head, from the transfer champions."""
        self._run_cells("finetune")

    def _run_cells(self, strategy: str) -> None:
        cells = [cell for cell in self.plan.cells if cell.strategy == strategy]
        specs = [spec for cell in cells for spec in self.ledger.trials(cell)]
        if not cells:
            return
        with self._timed(strategy) as stage:
            missing = self.ledger.needing(cells)
            stage.made, stage.reused = len(missing), len(specs) - len(missing)
            if not missing:
                self.progress.skip(strategy, f"{len(specs)} trials in the store")
                return
            resources, scheduler = self.resources, self._scheduler(strategy, specs)
            self.progress.start(strategy, len(missing), "trials")
            run_trials(self._ordered(missing), scheduler, resources, self._trial_ended)
            self.progress.finish(f"{stage.reused} in the store" if stage.reused else "")

    def _scheduler(self, strategy: str, specs: Sequence[TrialSpec]) -> CellAsha:
        """ASHA with its rungs as the trials in the store left them."""
        rungs = self.plan.rungs(strategy)
        if not rungs:
            return CellAsha()
        cells = CellRungs(rungs, self.config.search.reduction_factor)
        for spec in specs:
            record = self.ledger.record(spec)
            if record and not self.ledger.needs_running(spec):
                accuracies = [epoch["val_accuracy"] for epoch in record["curve"]]
                cells.refill(spec.cell, spec.key, accuracies)
        return CellAsha(cells)

    def _ordered(self, specs: Sequence[TrialSpec]) -> list[TrialSpec]:
        """Every cell's draw 0 first, so that later draws have something to be compared with; within
        a draw the trials with most rows first, so that no long one is left for the end."""
        rows = {split.key: len(split.rows) for split in self.plan.splits.values()}
        return sorted(specs, key=lambda spec: (spec.draw, -rows[spec.split_key]))

    def _trial_ended(self, key: str, state: str) -> None:
        self.ledger.forget(key)
        self.progress.count(state)

    # --- champions ---------------------------------------------------------------------------

    def evaluate(self) -> None:
        """Every champion sees the test set, once."""
        self._for_champions("evaluate", self.ledger.evaluation, evaluate_champion)

    def explain(self) -> None:
        """Integrated Gradients for a few test images of every champion."""
        if self.plan.explains:
            work = partial(explain_champion, how=self.plan.explanation)
            self._for_champions("explain", self.ledger.explanation, work)

    def _for_champions(
        self,
        name: str,
        artifact: Callable[[TrialSpec], Artifact | None],
        work: Callable[[TrialSpec], None],
    ) -> None:
        cells: dict[TrialSpec, list[Cell]] = {}
        for cell in self.plan.cells:
            if (champion := self.ledger.champion(cell)) and cell.id not in self.errors:
                cells.setdefault(champion, []).append(cell)
        with self._timed(name) as stage:
            missing = [champion for champion in cells if not artifact(champion)]
            missing = list({spec.key: spec for spec in missing}.values())
            stage.made, stage.reused = len(missing), len(cells) - len(missing)
            if not missing:
                self.progress.skip(name, f"{len(cells)} champions in the store")
                return
            resources = self.resources
            self.progress.start(name, len(missing), "champions")

            def ended(spec: TrialSpec, error: str) -> None:
                if error:
                    self.errors |= {cell.id: f"{name}: {error}" for cell in cells[spec]}
                self.progress.count("failed" if error else "done")

            run_tasks(work, missing, resources, ended)
            self.progress.finish()

    # --- report ------------------------------------------------------------------------------

    def report(self, status: str) -> Outcome:
        """Tables, run.json and the page."""
        with self._timed("report"):
            outcome = write_tables(self.ledger, self.errors, self.out / "results")
        about = describe_run(self.ledger, outcome, self.stages)
        about |= {
            "status": status,
            "command": self.command,
            "started": self.started.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "how_to_resume": f"run the same command again: {self.command}",
        }
        write_run_file(about, self.out / "results")
        build_page(self.out)
        return outcome

    @contextmanager
    def _timed(self, stage: str, backbone: str = "") -> Iterator[StageTime]:
        row = StageTime(stage, backbone)
        started = time.perf_counter()
        yield row
        row.seconds = time.perf_counter() - started
        self.stages.append(row)
