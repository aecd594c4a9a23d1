"""Warnings about the images and their splits, printed before any training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from datasets.findings.coverage import (
    ADVICE,
    LAYERS_ADVICE,
    in_words,
    lacking_in_parts,
    missing_in_layers,
)
from datasets.findings.one_group import overfull_groups
from datasets.findings.sides import opposite_classes
from datasets.transforms import motion
from sweeper.config.schema import Config
from sweeper.plan.collect import Collection
from sweeper.plan.splits import Split, SplitName

_REASONS = 5
_TURNED = {"horizontal": "left to right", "vertical": "upside down"}


def collection_warnings(collection: Collection) -> Iterator[str]:
    """A line for each possible problem of the folder, with advice."""
    for remark in collection.remarks:
        if remark.advice:
            yield f"{remark.text}; {remark.advice}"
    for one in overfull_groups(collection.images, collection.duplicates):
        yield str(one)
    if lacking := missing_in_layers(collection.images):
        words = in_words(lacking, len(collection.classes))
        yield f"the folder's own layers lack classes: {words}; {LAYERS_ADVICE}"


def augmentation_warnings(config: Config, classes: Sequence[str]) -> Iterator[str]:
    """A line for each transform that may turn one class into another under an unchanged label."""
    found: dict[str, tuple[str, str]] = {}
    for flip, first, second in opposite_classes(classes):
        found.setdefault(flip, (first, second))
    for name in config.grid.augmentations if found else ():
        augmentation = config.augmentation(name)
        for transform in augmentation.transforms if augmentation else ():
            moved, label = motion(transform), next(iter(transform))
            for flip, (first, second) in found.items():
                share = moved.swaps_sides if flip == "horizontal" else moved.upside_down
                if share:
                    yield (
                        f"augmentation {name}: {label} turns {100 * share:.0f} % of the copies "
                        f"{_TURNED[flip]}, so a copy of {first!r} may look like {second!r} under "
                        f"an unchanged label; list augmentations.{name}.transforms without {label} "
                        "if the side matters"
                    )


def left_out(collection: Collection) -> Iterator[tuple[str, str]]:
    """The unused part of the folder: `excluded` files by reason, `left out` ones by kind."""
    manifest = collection.manifest
    excluded = manifest[manifest["problem"] != ""].sort_values("path")
    reasons = Counter(excluded["problem"])
    first = dict(zip(excluded["problem"][::-1], excluded["path"][::-1], strict=True))
    for problem, number in reasons.most_common(_REASONS):
        path = repr(first[problem])
        yield "excluded", f"{path if number == 1 else f'{number} files, {path} first'}: {problem}"
    if (more := len(reasons) - _REASONS) > 0:
        yield "excluded", f"other files for {more} more reasons; an audit lists them all"
    for remark in collection.remarks:
        if not remark.advice:
            yield "left out", remark.text


def split_warnings(
    splits: Mapping[SplitName, Split], scenarios: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    """A line for each policy and scenario whose parts lack classes, for its worst division."""
    worst: dict[tuple[str, str], dict[str, list[str]]] = {}
    for (policy, scenario), lacking in _lacking(splits, scenarios):
        if _number(lacking) > _number(worst.get((policy, scenario), {})):
            worst[policy, scenario] = lacking
    for (policy, scenario), lacking in worst.items():
        words = in_words(lacking, len(scenarios[scenario]))
        yield f"split {policy}, scenario {scenario}: {words}; {ADVICE}"


def _lacking(
    splits: Mapping[SplitName, Split], scenarios: Mapping[str, Sequence[str]]
) -> Iterator[tuple[tuple[str, str], dict[str, list[str]]]]:
    """The classes that the parts of each split lack; the folds of one division count together."""
    divisions: dict[SplitName, list[pd.DataFrame]] = {}
    for name, split in splits.items():
        divisions.setdefault(name._replace(fold=0), []).append(split.rows)
    for name, rows in divisions.items():
        yield (name.split_policy, name.scenario), lacking_in_parts(rows, scenarios[name.scenario])


def _number(lacking: Mapping[str, Sequence[str]]) -> int:
    return sum(len(names) for names in lacking.values())
