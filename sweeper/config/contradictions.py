"""What is wrong between keys of a configuration that are right each by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sweeper.config.allowed import unexpected
from sweeper.config.schema import ALL_CLASSES, Config
from trainables.registry import BACKBONES

MAX_TRIALS = 100_000  # what one driver and one store were measured with: docs/explanation/scale.md


def contradictions(config: Config) -> Iterator[str]:
    """A line for each."""
    yield from _too_many_trials(config)
    known = [*config.scenarios, ALL_CLASSES]
    for scenario in config.grid.scenarios:
        if scenario not in known:
            yield f"grid.scenarios: {unexpected(scenario, known)}"
    size = config.preprocess.image_size
    for name in config.grid.backbones:
        needed = BACKBONES[name].smallest_input
        if size < needed:
            yield f"preprocess.image_size={size}: {name} needs at least {needed} pixels"
    gpus = config.resources.gpus_per_trial or 0.0
    if gpus > 1:
        yield (
            f"resources.gpus_per_trial={gpus:g}: a process trains on one GPU, or on a fraction of "
            "one; for trials on several set resources.workers_per_trial"
        )
    if config.augment.online or config.finetune.depth == "all":
        workers = config.resources.workers_per_trial
        for batch_size in sorted({config.search.published.batch_size, *config.search.batch_size}):
            if batch_size % workers or batch_size // workers < 2:
                yield (
                    f"resources.workers_per_trial={workers}: end-to-end training parts every batch "
                    f"evenly among the workers, and search.batch_size={batch_size} cannot be"
                )
    if config.finetune.start == "transfer" and "transfer" not in config.grid.strategies:
        yield (
            "grid.strategies: fine-tuning starts from the transfer champion; "
            "add transfer, or set finetune.start: fresh"
        )
    yield from _split_contradictions(config)


def _too_many_trials(config: Config) -> Iterator[str]:
    grid, search, finetune = config.grid, config.search, config.finetune
    split = config.split
    factors = (split.policies, grid.backbones, grid.scenarios, grid.augmented, grid.seeds)
    each = math.prod(len(values) for values in factors) * split.repeats * (split.folds or 1)
    draws = {"transfer": search.draws, "finetune": finetune.draws or search.draws}
    settings = len(search.lr) * len(search.batch_size) * len(search.hidden) + 1
    trials = each * sum(min(draws[name], settings) for name in grid.strategies)
    if trials > MAX_TRIALS:
        yield (
            f"grid: {each * len(grid.strategies)} cells with their draws are {trials} trials, more "
            f"than {MAX_TRIALS}; leave out seeds, scenarios, repeats or folds, or lower "
            "search.draws"
        )


def _split_contradictions(config: Config) -> Iterator[str]:
    split, policies = config.split, config.split.policies
    if split.folds and "fractions" in split.model_fields_set:
        yield (
            f"split.fractions: split.folds={split.folds} has parts of its own, one fold to test "
            "and one to validate; leave one of the two keys out"
        )
    if split.folds and "given" in policies:
        yield (
            f"split.policies: given has one test part, and split.folds={split.folds} asks for "
            f"{split.folds}; write split.folds=null, or leave given out"
        )
    if split.repeats > 1 and "given" in policies:
        yield (
            f"split.policies: given has one division, and split.repeats={split.repeats} asks for "
            f"{split.repeats}; write split.repeats=1, or leave given out"
        )
    if "given" in policies and config.data.source == "synthetic":
        yield (
            "split.policies: given takes a folder's own layers, and data.source='synthetic' has "
            "none; set data.path, or leave given out"
        )
    if "file" in policies and not split.file:
        yield "split.policies: file needs split.file, a CSV or Parquet file with a part per image"
    if split.file and "file" not in policies:
        yield "split.file: no policy reads it; add file to split.policies"
