"""Find contradictions between keys of a configuration that are each valid by themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.util import find_spec

from datasets.splitting.policies import POLICIES, SplitPolicy
from datasets.transforms import check_on_an_image
from reports.axes import AXES
from sweeper.config.allowed import unexpected
from sweeper.config.axes import entries_of
from sweeper.config.backbones import too_small, unknown_backbones
from sweeper.config.recipes import base_mistakes
from sweeper.config.schema import ALL_CLASSES, Config
from sweeper.config.search_space import Range, most_settings
from sweeper.strategies import STRATEGIES
from sweeper.strategies.base import PIXELS

_USUAL_SIZE = 224  # pixels; where each backbone has its own
MAX_TRIALS = 100_000  # the most that was measured: docs/explanation/scale.md


def contradictions(config: Config) -> Iterator[str]:
    """Yield an error line for each contradiction."""
    known = [*config.scenarios, ALL_CLASSES]
    for scenario in config.grid.scenarios:
        if scenario not in known:
            yield f"grid.scenarios: {unexpected(scenario, known)}"
    for augmentation in config.grid.augmentations:
        if augmentation not in config.known_augmentations:
            yield f"grid.augmentations: {unexpected(augmentation, config.known_augmentations)}"
    yield from unknown_backbones(config)
    yield from too_small(config)
    yield from _unusable_transforms(config)
    mistaken = list(base_mistakes(config.recipes))
    yield from mistaken
    for recipe in config.grid.recipes:
        if recipe not in config.known_recipes:
            mistaken.append(f"grid.recipes: {unexpected(recipe, config.known_recipes)}")
            yield mistaken[-1]
    if config.search.sampler == "optuna" and not find_spec("optuna"):
        yield "search.sampler='optuna': Optuna is not installed; run `pip install optuna`"
    if not mistaken:
        yield from _too_many_trials(config)
        yield from _uneven_batches(config)
    gpus = config.resources.gpus_per_trial or 0.0
    if gpus > 1:
        yield (
            f"resources.gpus_per_trial={gpus:g}: a process trains on one GPU, or on a fraction of "
            "one; for trials on several GPUs, set resources.workers_per_trial"
        )
    for name in config.grid.strategies:
        parent = STRATEGIES[name].parent(config)
        if parent and parent not in config.grid.strategies:
            yield (
                f"grid.strategies: {name} starts from the {parent} champion; "
                f"add {parent}, or set {name}.start: fresh"
            )
    yield from _probes_from_pixels(config)
    yield from _split_contradictions(config)


def _unusable_transforms(config: Config) -> Iterator[str]:
    """Transforms of the user's own augmentations that cannot make copies of this size."""
    size = config.preprocess.image_size or _USUAL_SIZE
    for name in config.grid.augmentations:
        for number, transform in enumerate(config.own_transforms(name)):
            try:
                check_on_an_image(transform, size)
            except ValueError as error:
                yield f"augmentations.{name}.transforms.{number}: {error}"


def _probes_from_pixels(config: Config) -> Iterator[str]:
    """Probes beside an augmentation that is other pixels in each epoch: they have no epochs."""
    probes = [name for name in config.grid.strategies if not STRATEGIES[name].by_epochs]
    for name in config.grid.augmentations if probes else ():
        if name in config.known_augmentations:
            augmentation = config.augmentation(name)
            if augmentation and augmentation.online:
                yield (
                    f"grid.augmentations: {name} is online, but {' and '.join(probes)} fit once, "
                    f"on fixed rows; set augmentations.{name}.online=false, or remove "
                    f"{' and '.join(probes)} from grid.strategies"
                )


def _uneven_batches(config: Config) -> Iterator[str]:
    """Batch sizes that workers of a trial from pixels cannot share evenly."""
    workers = config.resources.workers_per_trial
    if workers == 1 or not _trains_from_pixels(config):
        return
    for name in config.grid.recipes:
        space = config.recipe(name).space["batch_size"]
        if isinstance(space, Range):
            yield (
                f"resources.workers_per_trial={workers}: end-to-end training divides every batch "
                f"evenly among the workers; list the values of recipes.{name}.batch_size"
            )
            continue
        for batch_size in sorted(set(space)):
            if batch_size % workers or batch_size // workers < 2:
                yield (
                    f"resources.workers_per_trial={workers}: end-to-end training divides every "
                    f"batch evenly among the workers; recipes.{name}.batch_size={batch_size} must "
                    f"be a multiple of {workers}, at least {2 * workers}"
                )


def _trains_from_pixels(config: Config) -> bool:
    names = set(config.grid.augmentations) & set(config.known_augmentations)
    online = any(one.online for name in names if (one := config.augmentation(name)))
    sources = {STRATEGIES[name].source(config) for name in config.grid.strategies}
    computed = config.cache.prefix == "compute" and "prefix" in sources
    return online or computed or PIXELS in sources


def _too_many_trials(config: Config) -> Iterator[str]:
    cells = math.prod(len(entries_of(config, axis.key)) for axis in AXES)
    settings = {name: most_settings(config.recipe(name).space) for name in config.grid.recipes}
    limits = [STRATEGIES[name].limits(config)[0] for name in config.grid.strategies]
    draws = sum(min(limit, most) for limit in limits for most in settings.values())
    trials = round(cells / (len(limits) * len(settings)) * draws)
    if trials > MAX_TRIALS:
        yield (
            f"grid: {cells} cells with their draws make {trials} trials, more "
            f"than {MAX_TRIALS}; leave out seeds, scenarios, repeats or folds, or lower "
            "search.draws"
        )


def _split_contradictions(config: Config) -> Iterator[str]:
    split, policies = config.split, config.split.policies
    if split.folds and "fractions" in split.model_fields_set:
        yield (
            f"split.fractions: split.folds={split.folds} determines the parts: one fold to test "
            "and one to validate; remove one of the two keys"
        )
    for policy in (POLICIES[name] for name in policies):
        yield from _policy_contradictions(config, policy)
    if split.file and not any(POLICIES[name].needs == "file" for name in policies):
        yield "split.file: no policy uses it; add file to split.policies"


def _policy_contradictions(config: Config, policy: SplitPolicy) -> Iterator[str]:
    split, name = config.split, policy.name
    if split.folds and not policy.divides:
        yield (
            f"split.policies: {name} has one test part, but split.folds={split.folds} requires "
            f"{split.folds}; set split.folds=null, or remove {name}"
        )
    if split.repeats > 1 and not policy.divides:
        yield (
            f"split.policies: {name} has one division, but split.repeats={split.repeats} requires "
            f"{split.repeats}; set split.repeats=1, or remove {name}"
        )
    if policy.needs == "layers" and config.data.source == "synthetic":
        yield (
            f"split.policies: {name} uses the data's own split, but data.source='synthetic' has "
            f"none; set data.path, or remove {name}"
        )
    if policy.needs == "file" and not split.file:
        yield (
            f"split.policies: {name} needs split.file, a CSV or Parquet file with a part per image"
        )
