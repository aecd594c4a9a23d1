"""Plan a configuration: its cells, splits, trials, and the artifacts that they need.

Nothing is run here. `artifacts` defines the key of each artifact; `Plan.shared` lists the artifacts
that trials share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from datasets.augment import FEC_IGE, Augmentation
from datasets.calibration_pictures import CALIBRATION_PICTURES
from datasets.marked_regions import MarkedFiles, read_marked, sizes_of
from datasets.preprocess import Preprocessing
from datasets.splitting.policies import POLICIES
from sweeper.config.backbones import backbone_spec, preprocessing_of
from sweeper.config.schema import AugmentationSection, Config
from sweeper.config.search_space import Space, largest_of
from sweeper.plan import artifacts
from sweeper.plan.artifacts import CheckSettings, ExplanationSettings
from sweeper.plan.collect import Collection
from sweeper.plan.grid import Cell, build_grid
from sweeper.plan.rungs import grace_of, milestones
from sweeper.plan.scenarios import resolve_prevalence, resolve_scenarios
from sweeper.plan.search import Draw, draw_hyperparameters
from sweeper.plan.splits import Split, SplitName, make_splits
from sweeper.plan.suggestions import Result, suggest
from sweeper.plan.trial_spec import TrialSpec
from sweeper.store.artifact import Target
from sweeper.store.store import Store
from sweeper.strategies import STRATEGIES
from sweeper.strategies.base import PIXELS
from trainables.cuts import resolve
from trainables.hyperparameters import HYPERPARAMETERS, settled
from trainables.registry import BackboneSpec

_TABLE_SETTINGS: Mapping[str, Callable[[Config, dict[str, Any]], dict[str, Any]]] = {
    "pooled": lambda config, cut: {"pooling": config.head.pooling},
    "prefix": lambda config, cut: {"dtype": config.cache.dtype} | cut,
}
_KEYED_WITHOUT = "float32"  # the arithmetic of tables before there was a choice
TABLE_KINDS = tuple(_TABLE_SETTINGS)
"""The kinds of activation tables."""


@dataclass(frozen=True)
class ImageSet:
    """The images preprocessed in one way, with the fixed copies of one augmentation or without."""

    target: Target
    preprocessing: Preprocessing
    copies: int
    rows: int
    augmentation: AugmentationSection | None

    @property
    def key(self) -> str:
        return self.target.key

    @property
    def image_size(self) -> int:
        """Side, pixels."""
        return self.preprocessing.image_size

    @property
    def pipeline(self) -> Augmentation:
        """What makes the copies, where there are any."""
        return self.augmentation.pipeline if self.augmentation else FEC_IGE


@dataclass(frozen=True)
class Shared:
    """An artifact that trials share; `backbone` is "" where all backbones share it."""

    target: Target
    backbone: str
    images: ImageSet | None  # what it is computed from


class Plan:
    """The grid of a config over a collection, with every key that can be known before running."""

    def __init__(self, config: Config, collection: Collection, store: Store) -> None:
        """Raises DataError (classes, too few images, marked regions) and WeightsError (no such file
        or model)."""
        self.config, self.collection, self.store = config, collection, store
        self.cells = build_grid(config)
        self.scenarios = resolve_scenarios(
            config.grid.scenarios, config.scenarios, collection.classes
        )
        self.prevalence = resolve_prevalence(config.prevalence, collection.classes)
        self.marked = self._marked()
        self.networks = {name: backbone_spec(config, name) for name in config.grid.backbones}
        self.preprocessing = {n: preprocessing_of(config, n) for n in config.grid.backbones}
        self.weights = {
            name: config.weights_of(name).located(spec.timm_name)
            for name, spec in self.networks.items()
        }
        self.networks = {name: self._cut(spec, "last") for name, spec in self.networks.items()}
        self.tuned = {name: self._tuned(spec) for name, spec in self.networks.items()}
        self.backbones = {name: self._backbone(name) for name in config.grid.backbones}
        self.recipes = {name: config.recipe(name) for name in config.grid.recipes}
        # A run requests the same trials many times, and their keys are hashes.
        self._trials: dict[tuple[Cell, str | None], list[TrialSpec]] = {}
        self._tables: dict[tuple[str, str, str], Target] = {}

    @property
    def labels(self) -> dict[str, str]:
        """The `weights` column of each backbone."""
        return {name: weights.label for name, weights in self.weights.items()}

    def _marked(self) -> MarkedFiles | None:
        """Where the user says that findings lie."""
        images, masks = self.collection.images, self.config.explain.masks
        if masks is None:
            return None
        return read_marked(masks, sizes_of(images["path"], images["width"], images["height"]))

    # --- images and splits ---------------------------------------------------------------------

    @cached_property
    def image_sets(self) -> dict[tuple[str, Preprocessing], ImageSet]:
        """The images of each augmentation, preprocessed in each way. Cells without fixed copies
        read the images of the first augmentation that has some, so that they are preprocessed once.
        """
        found: dict[tuple[str, Preprocessing], ImageSet] = {}
        for how in self.preprocessings:
            fixed = {name: self._image_set(one, how) for name, one in self._fixed.items()}
            others = next(iter(fixed.values()), None) or self._image_set(None, how)
            for name in self.config.grid.augmentations:
                found[name, how] = fixed.get(name, others)
        return found

    @cached_property
    def preprocessings(self) -> list[Preprocessing]:
        """The different ones of the backbones, by size. Those that agree share their images."""
        distinct = dict.fromkeys(self.preprocessing.values())
        return sorted(distinct, key=lambda how: (how.image_size, str(how)))

    def images_of(self, cell: Cell) -> ImageSet:
        """The images that the cell's backbone processes."""
        return self.image_sets[cell.augmentation, self.preprocessing[cell.backbone]]

    @cached_property
    def _fixed(self) -> dict[str, AugmentationSection]:
        """The augmentations whose copies are made once, before training."""
        found = {name: self.config.augmentation(name) for name in self.config.grid.augmentations}
        return {name: one for name, one in found.items() if one and not one.online}

    def _image_set(self, augmentation: AugmentationSection | None, how: Preprocessing) -> ImageSet:
        copies = augmentation.copies if augmentation else 0
        ids = self.collection.images["image_id"]
        pipeline = augmentation.pipeline if augmentation else None
        target = artifacts.shards(ids, how, copies, pipeline)
        return ImageSet(target, how, copies, len(ids) * (copies + 1), augmentation)

    @cached_property
    def distinct_image_sets(self) -> list[ImageSet]:
        return list({one.key: one for one in self.image_sets.values()}.values())

    @cached_property
    def copies(self) -> dict[str, int]:
        """Fixed copies of an image that cells of each augmentation train on."""
        fixed = self._fixed
        return {n: fixed[n].copies if n in fixed else 0 for n in self.config.grid.augmentations}

    @cached_property
    def splits(self) -> dict[SplitName, Split]:
        """Every split of the grid. Raises DataError."""
        names = {SplitName.of(cell) for cell in self.cells}
        section, scenarios = self.config.split, self.scenarios
        return make_splits(sorted(names), section, scenarios, self.collection, self.copies)

    def split_of(self, cell: Cell) -> Split:
        return self.splits[SplitName.of(cell)]

    # --- artifacts that trials share -----------------------------------------------------------

    def _cut(self, spec: BackboneSpec, depth: str) -> BackboneSpec:
        """The network with the cut of a depth; that of the paper's five is given for `last`."""
        if depth == "last" and spec.is_cut:
            return spec
        return resolve(spec, depth, dict(self.weights[spec.name].model_args))

    def _tuned(self, spec: BackboneSpec) -> BackboneSpec:
        """The network with the cut before what fine-tuning trains."""
        return self._cut(spec, "half") if self.config.finetune.depth == "half" else spec

    def _backbone(self, name: str) -> Target:
        calibrated_on = CALIBRATION_PICTURES[self.config.data.source].name
        spec, weights = self.networks[name], self.weights[name]
        return artifacts.backbone(spec, weights, self.calibration(name), calibrated_on)

    def calibration(self, backbone: str) -> Preprocessing:
        """The preprocessing of the drawn pictures that calibrate random weights. Always squashed by
        averaging areas, so that runs that differ in the fit share their backbones."""
        how = self.preprocessing[backbone]
        return Preprocessing(how.image_size, how.contrast, grey=how.grey, clahe=how.clahe)

    def source_of(self, cell: Cell) -> str:
        """Where the cell's trials have their rows from: a kind of activation table, or `PIXELS`
        where what they compute cannot be cached."""
        augmentation = self.config.augmentation(cell.augmentation)
        if augmentation and augmentation.online:
            return PIXELS
        kind = STRATEGIES[cell.strategy].source(self.config)
        is_stored = self.config.cache.prefix == "store" and self.tuned[cell.backbone].is_cut
        return PIXELS if kind == "prefix" and not is_stored else kind

    def source(self, cell: Cell) -> Target:
        """The artifact that holds the rows of the cell's trials."""
        images, kind = self.images_of(cell), self.source_of(cell)
        return images.target if kind == PIXELS else self._table(kind, cell.backbone, images)

    def _table(self, kind: str, backbone: str, images: ImageSet) -> Target:
        known = kind, backbone, images.key
        if known not in self._tables:
            own, tuned = self.networks[backbone].suffix_from, self.tuned[backbone].suffix_from
            cut = {"suffix_from": tuned} if tuned != own else {}
            settings = _TABLE_SETTINGS[kind](self.config, cut)
            if self.config.cache.precision != _KEYED_WITHOUT:
                settings["precision"] = self.config.cache.precision
            self._tables[known] = artifacts.table(
                kind, images.key, self.backbones[backbone].key, settings
            )
        return self._tables[known]

    @cached_property
    def shared(self) -> list[Shared]:
        """Every artifact that trials share, each before those that are made from it."""
        tables: dict[str, Shared] = {}
        for cell in self.cells:
            target = self.source(cell)
            if target.kind != PIXELS and target.key not in tables:
                images = self.images_of(cell)
                tables[target.key] = Shared(target, cell.backbone, images)
        return [
            *(Shared(one.target, "", one) for one in self.distinct_image_sets),
            *(Shared(target, name, None) for name, target in self.backbones.items()),
            *sorted(tables.values(), key=lambda one: (one.target.kind, one.backbone)),
        ]

    def tables(self, backbone: str, images: ImageSet) -> list[Target]:
        """The activation tables that one pass of these images through a backbone makes."""
        return [
            one.target
            for one in self.shared
            if one.images and (one.backbone, one.images.key) == (backbone, images.key)
        ]

    # --- trials --------------------------------------------------------------------------------

    def draws(self, cell: Cell) -> list[Draw]:
        """The cell's balanced hyperparameters, draw 0 first; a single draw without any for a
        strategy that searches by itself."""
        if not STRATEGIES[cell.strategy].by_epochs:
            return [{}]
        return draw_hyperparameters(
            cell.strategy,
            self.recipes[cell.recipe].first_draw,
            self._space(cell),
            self.limits(cell.strategy)[0],
            self._settle(cell),
        )

    def _space(self, cell: Cell) -> dict[str, Space]:
        """What the cell's draws are drawn from. Where trials start from a trained head, its shape
        is given."""
        recipe = self.recipes[cell.recipe]
        shape = [name for name, one in HYPERPARAMETERS.items() if one.of_head]
        given = shape if self.parent_of(cell) else []
        return {**recipe.space, **{name: [recipe.first_draw[name]] for name in given}}

    def _settle(self, cell: Cell) -> Callable[[Draw], Draw]:
        trains_backbone = STRATEGIES[cell.strategy].trains_backbone
        is_deep = self.config.finetune.depth in ("half", "all")
        whole = not self.tuned[cell.backbone].is_cut  # what cannot be cut is trained whole
        trains_groups = trains_backbone and (is_deep or whole)
        return partial(settled, trains_backbone=trains_backbone, trains_groups=trains_groups)

    def limits(self, strategy: str) -> tuple[int, int]:
        """Draws and epochs of a strategy."""
        return STRATEGIES[strategy].limits(self.config)

    def epoch_rows(self, cell: Cell) -> int | None:
        """How many rows an epoch's steps make. Under `search.budget: steps` augmented copies are
        other rows, not more steps: as many rows as without them. None: all rows."""
        copies = self.copies[cell.augmentation]
        if self.config.search.budget == "epochs" or not copies:
            return None
        return round(self.split_of(cell).count("train") / (copies + 1))

    def rungs(self, strategy: str) -> list[int]:
        """The epochs at which ASHA decides; none with `search.scheduler: none`."""
        search = self.config.search
        if search.scheduler == "none":
            return []
        return milestones(search.grace_epochs, search.reduction_factor, self.limits(strategy)[1])

    def grace_epochs(self, cell: Cell, draw: Mapping[str, Any]) -> int:
        """The first epoch at which ASHA may stop a trial of this draw."""
        if not draw:
            return 1
        recipe = self.recipes[cell.recipe]
        largest = max(largest_of(recipe.space["lr"]), recipe.first_draw["lr"])
        return grace_of(self.config.search.grace_epochs, draw["lr"], largest)

    def trials(self, cell: Cell, start: TrialSpec | None = None) -> list[TrialSpec]:
        """The cell's trials, from the trained head of `start` if it is given."""
        known = cell, start.key if start else None
        if known not in self._trials:
            self._trials[known] = self._made_trials(cell, start, self.draws(cell))
        return self._trials[known]

    def next_round(
        self, cell: Cell, start: TrialSpec | None, results: Sequence[Result], seed: str
    ) -> list[TrialSpec]:
        """The trials that Optuna suggests after those of `results`, or the first round without any.
        Empty if the cell has all of its draws. `seed` differs from cell to cell."""
        planned, done = self.draws(cell), len(results)
        count = min(self.config.search.round, len(planned) - done)
        if count <= 0 or not done:
            return self._made_trials(cell, start, planned[: max(0, count)])
        space = self._space(cell)
        shape = {k: planned[0][k] for k, one in HYPERPARAMETERS.items() if start and one.of_head}
        earlier = [replace(one, draw={**one.draw, **shape}) for one in results]
        draws = suggest(earlier, space, count, f"{seed}:{done}", self._settle(cell))
        unused = [
            one for one in planned if one not in [*draws, *(result.draw for result in earlier)]
        ]
        draws += unused[: count - len(draws)]  # where Optuna keeps repeating itself
        return self._made_trials(cell, start, draws, first=done)

    def _made_trials(
        self, cell: Cell, start: TrialSpec | None, draws: Sequence[Draw], first: int = 0
    ) -> list[TrialSpec]:
        config, source = self.config, self.source(cell)
        augmentation = config.augmentation(cell.augmentation)
        fixed = {
            name: start.hyperparameters[name]
            for name, one in HYPERPARAMETERS.items()
            if start and one.of_head
        }
        strategy = STRATEGIES[cell.strategy]
        settings, trains_suffix = strategy.settings(config), strategy.source(config) == "prefix"
        if trains_suffix and not self.tuned[cell.backbone].is_cut:
            settings["depth"] = "all"
        common = {
            "store": self.store.address,
            "cell": cell.id,
            "strategy": cell.strategy,
            "split_key": self.split_of(cell).key,
            "source": source.kind,
            "table_key": source.key,
            "shards_key": self.images_of(cell).key,
            "backbone_key": self.backbones[cell.backbone].key,
            "backbone": cell.backbone,
            "model_args": self.weights[cell.backbone].model_args,
            "classes": len(self.scenarios[cell.scenario]),
            "network": self.tuned[cell.backbone] if trains_suffix else self.networks[cell.backbone],
            "settings": settings,
            "batchnorm_statistics": config.head.batchnorm_statistics,
            "epochs": self.limits(cell.strategy)[1],
            "epoch_rows": self.epoch_rows(cell),
            "seed": cell.seed,
            "online": bool(augmentation and augmentation.online),
            "augmentation": augmentation.pipeline if augmentation else Augmentation(),
            "start_key": start.key if start else None,
            "metric": config.metric,
            "rungs": tuple(self.rungs(cell.strategy)),
        }
        return [
            TrialSpec(
                draw=number,
                hyperparameters={**draw, **fixed},
                grace_epochs=self.grace_epochs(cell, draw),
                **common,
            )
            for number, draw in enumerate(draws, first)
        ]

    def parent_of(self, cell: Cell) -> Cell | None:
        """The cell whose champion the cell's trials start from."""
        strategy = STRATEGIES[cell.strategy].parent(self.config)
        return cell.at(strategy=strategy) if strategy else None

    # --- explanations --------------------------------------------------------------------------

    @property
    def most_trusted(self) -> str:
        """The split policy under which champions are explained."""
        return min(self.config.split.policies, key=list(POLICIES).index)

    @property
    def explains(self) -> bool:
        """Whether explanations are requested."""
        explain = self.config.explain
        return bool(explain.examples and explain.methods and explain.baselines)

    @property
    def explanation_settings(self) -> ExplanationSettings:
        explain = self.config.explain
        return ExplanationSettings(
            examples=explain.examples,
            per_class=explain.per_class,
            methods=list(explain.methods),
            score=explain.score,
            baselines=list(explain.baselines),
            random_baselines=explain.random_baselines,
            max_steps=explain.max_steps,
            time_share=explain.time_share,
        )

    @property
    def checks_maps(self) -> bool:
        """Whether the maps are checked."""
        return self.explains and self.config.explain.checked_images > 1

    @property
    def check_settings(self) -> CheckSettings:
        explain = self.config.explain
        return CheckSettings(
            images=explain.checked_images,
            methods=list(explain.methods),
            score=explain.score,
            baselines=list(explain.baselines),
            random_baselines=explain.random_baselines,
            time_share=explain.time_share,
        )


def class_counts(collection: Collection) -> Mapping[str, int]:
    """Images per class."""
    counts = collection.images["class"].value_counts().sort_index()
    return {str(name): int(count) for name, count in counts.items()}
