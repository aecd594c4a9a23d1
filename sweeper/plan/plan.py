"""What a configuration asks for, as keys of the store: splits, tables, trials.

Nothing is run here. Keys chain: images -> shards -> tables -> trials -> evaluations, so whatever
determines a result is in its key, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from datasets.decoding.decode import DECODING_VERSION
from datasets.preprocess import PREPROCESS_VERSION
from datasets.shards import SHARDS_VERSION
from sweeper.config.schema import Config
from sweeper.plan.collect import Collection
from sweeper.plan.grid import Cell, build_grid
from sweeper.plan.rungs import grace_of, milestones
from sweeper.plan.scenarios import resolve_scenarios
from sweeper.plan.space import Hyperparameters, draw_hyperparameters
from sweeper.plan.splits import Split, SplitName, make_splits
from sweeper.plan.trial_spec import TrialSpec
from sweeper.run.champions import Explanation
from sweeper.store.store import Store, key_of
from trainables.activations import TABLES_VERSION
from trainables.backbones import BACKBONES_VERSION
from trainables.registry import BACKBONES

CALIBRATION_IMAGES = 64


class Plan:
    """The grid of a config over a collection, with every key that can be known before running."""

    def __init__(self, config: Config, collection: Collection, store: Store) -> None:
        """Raises DataError (classes, too few images) and WeightsError (no such file)."""
        self.config, self.collection, self.store = config, collection, store
        grid = config.grid
        self.cells = build_grid(
            config.split.policies,
            grid.backbones,
            grid.scenarios,
            grid.augmented,
            grid.strategies,
            grid.seeds,
            config.split.repeats,
            config.split.folds or 0,
        )
        self.scenarios = resolve_scenarios(grid.scenarios, config.scenarios, collection.classes)
        keeps_copies = True in grid.augmented and not config.augment.online
        self.copies = config.augment.copies if keeps_copies else 0
        self.rows_per_table = len(collection.images) * (self.copies + 1)
        self.weights = {name: config.weights_of(name) for name in grid.backbones}
        self.backbones = {name: self._backbone_from(name) for name in grid.backbones}
        # A run asks for the same trials again and again, and their keys are hashes.
        self._trials: dict[tuple[Cell, str | None], list[TrialSpec]] = {}
        self._source_keys: dict[tuple[str, str], str] = {}

    @property
    def labels(self) -> dict[str, str]:
        """The `weights` column of each backbone."""
        return {name: weights.label for name, weights in self.weights.items()}

    @cached_property
    def splits(self) -> dict[SplitName, Split]:
        """Every split of the grid, stored. Raises DataError."""
        names = {SplitName.of(cell) for cell in self.cells}
        section, scenarios = self.config.split, self.scenarios
        return make_splits(
            sorted(names), section, scenarios, self.collection, self.copies, self.store
        )

    def split_of(self, cell: Cell) -> Split:
        return self.splits[SplitName.of(cell)]

    @cached_property
    def shards_from(self) -> dict[str, Any]:
        """What the image shards are made from."""
        preprocess = self.config.preprocess
        made_from: dict[str, Any] = {
            "versions": [SHARDS_VERSION, PREPROCESS_VERSION, DECODING_VERSION],
            "images": sorted(self.collection.images["image_id"]),
            "image_size": preprocess.image_size,
            "contrast": preprocess.contrast,
            "copies": self.copies,
        }
        if self.copies:
            made_from["augmentation"] = self.config.augment.how.made_from
        return made_from

    @cached_property
    def shards_key(self) -> str:
        return key_of(self.shards_from)

    def source_key(self, source: str, backbone: str) -> str:
        """The key of `source_from`."""
        if (source, backbone) not in self._source_keys:
            made_from = self.source_from(source, backbone)
            self._source_keys[source, backbone] = key_of(made_from)
        return self._source_keys[source, backbone]

    def _backbone_from(self, name: str) -> dict[str, Any]:
        weights, preprocess = self.weights[name], self.config.preprocess
        made_from: dict[str, Any] = {
            "version": BACKBONES_VERSION,
            "backbone": BACKBONES[name].timm_name,
            "suffix_from": BACKBONES[name].suffix_from,
            "weights": weights.identity(),
        }
        if weights.is_random:
            made_from["calibration"] = {
                "images": CALIBRATION_IMAGES,
                "image_size": preprocess.image_size,
                "contrast": preprocess.contrast,
            }
        return made_from

    def source_of(self, cell: Cell) -> str:
        """Where the cell's trials have their rows from: a table, `pooled` or `prefix`, or the image
        `shards` where what they compute cannot be cached."""
        online = cell.augmented and self.config.augment.online
        if online or (cell.strategy == "finetune" and self.config.finetune.depth == "all"):
            return "shards"
        return "pooled" if cell.strategy == "transfer" else "prefix"

    def source_from(self, source: str, backbone: str) -> dict[str, Any]:
        """What the rows of a source are made from."""
        if source == "shards":
            return self.shards_from
        config = self.config
        common = {
            "version": TABLES_VERSION,
            "shards": self.shards_key,
            "backbone": key_of(self.backbones[backbone]),
        }
        if source == "pooled":
            return common | {"pooling": config.head.pooling}
        return common | {"dtype": config.cache.dtype}

    def draws(self, cell: Cell) -> list[Hyperparameters]:
        """The cell's hyperparameters, draw 0 first."""
        search = self.config.search
        hidden = search.hidden
        if self.transfer_cell_of(cell):
            hidden = [search.published.hidden]  # the head is the transfer champion's
        published = Hyperparameters(
            search.published.lr, search.published.batch_size, tuple(search.published.hidden)
        )
        space: dict[str, Sequence[object]] = {
            "lr": search.lr,
            "batch_size": search.batch_size,
            "hidden": hidden,
        }
        return draw_hyperparameters(cell.strategy, published, space, self.limits(cell.strategy)[0])

    def limits(self, strategy: str) -> tuple[int, int]:
        """Draws and epochs of a strategy."""
        search, finetune = self.config.search, self.config.finetune
        if strategy == "transfer":
            return search.draws, search.epochs
        return finetune.draws or search.draws, finetune.epochs or search.epochs

    def epoch_rows(self, cell: Cell) -> int | None:
        """How many rows an epoch's steps make. Under `search.budget: steps` augmented copies are
        other rows, not more steps: as many rows as without them. None: all rows."""
        copies = self.copies if cell.augmented else 0
        if self.config.search.budget == "epochs" or not copies:
            return None
        return round(self.split_of(cell).count("train") / (copies + 1))

    def rungs(self, strategy: str) -> list[int]:
        """The epochs at which ASHA decides; none with `search.scheduler: none`."""
        search = self.config.search
        if search.scheduler == "none":
            return []
        return milestones(search.grace_epochs, search.reduction_factor, self.limits(strategy)[1])

    def grace_epochs(self, lr: float) -> int:
        """The first epoch at which ASHA may stop a trial at that learning rate."""
        search = self.config.search
        return grace_of(search.grace_epochs, lr, max(*search.lr, search.published.lr))

    def trials(self, cell: Cell, start: TrialSpec | None = None) -> list[TrialSpec]:
        """The cell's trials. A fine-tuning cell that starts from its transfer champion takes the
        champion's hidden layers too: the head is the champion's."""
        known = cell, start.key if start else None
        if known not in self._trials:
            self._trials[known] = self._made_trials(cell, start)
        return self._trials[known]

    def _made_trials(self, cell: Cell, start: TrialSpec | None) -> list[TrialSpec]:
        source = self.source_of(cell)
        table_key = self.source_key(source, cell.backbone)
        backbone_key = key_of(self.backbones[cell.backbone])
        epoch_rows = self.epoch_rows(cell)
        return [
            TrialSpec(
                store=self.store.address,
                cell=cell.id,
                draw=draw,
                strategy=cell.strategy,
                split_key=self.split_of(cell).key,
                source=source,
                table_key=table_key,
                backbone_key=backbone_key,
                backbone=cell.backbone,
                model_args=self.weights[cell.backbone].model_args,
                classes=len(self.scenarios[cell.scenario]),
                lr=setting.lr,
                batch_size=setting.batch_size,
                hidden=start.hidden if start else setting.hidden,
                epochs=self.limits(cell.strategy)[1],
                epoch_rows=epoch_rows,
                seed=cell.seed,
                pooling=self.config.head.pooling,
                batchnorm=self.config.finetune.batchnorm,
                batchnorm_statistics=self.config.head.batchnorm_statistics,
                depth=self.config.finetune.depth,
                precision=self.config.finetune.precision,
                online=cell.augmented and self.config.augment.online,
                augmentation=self.config.augment.how,
                start_key=start.key if start else None,
                rungs=tuple(self.rungs(cell.strategy)),
                grace_epochs=self.grace_epochs(setting.lr),
            )
            for draw, setting in enumerate(self.draws(cell))
        ]

    def transfer_cell_of(self, cell: Cell) -> Cell | None:
        """The cell whose champion a fine-tuning cell starts from."""
        if cell.strategy != "finetune" or self.config.finetune.start == "fresh":
            return None
        return replace(cell, strategy="transfer")

    @property
    def explains(self) -> bool:
        """Whether explanations are asked for."""
        return bool(self.config.explain.examples and self.config.explain.baselines)

    @property
    def explanation(self) -> Explanation:
        explain = self.config.explain
        return Explanation(
            shards_key=self.shards_key,
            examples=explain.examples,
            n_steps=explain.n_steps,
            baselines=tuple(explain.baselines),
            random_baselines=explain.random_baselines,
            per_class=explain.per_class,
        )


def class_counts(collection: Collection) -> Mapping[str, int]:
    """Images per class."""
    counts = collection.images["class"].value_counts().sort_index()
    return {str(name): int(count) for name, count in counts.items()}
