"""Warnings about the images and their splits, printed before any training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

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
from datasets.transforms import Motion, motion
from sweeper.config.schema import AugmentationSection, Config
from sweeper.plan.collect import Collection
from sweeper.plan.splits import Split, SplitName

_REASONS = 5
_QUARTER = 40  # degrees from which a rotation may exchange horizontal and vertical


def collection_warnings(collection: Collection) -> Iterator[str]:
    """A line for each possible problem of the folder, with advice."""
    for remark in collection.remarks:
        if remark.advice:
            yield f"{remark.text}; {remark.advice}"
    for one in overfull_groups(collection.images, collection.duplicates):
        yield str(one)
    if lacking := missing_in_layers(collection.images):
        words = in_words(lacking, len(collection.classes))
        yield f"the data's own split lacks classes: {words}; {LAYERS_ADVICE}"


def augmentation_warnings(config: Config, classes: Sequence[str]) -> Iterator[str]:
    """A line for each transform that may turn one class into another under an unchanged label."""
    for name in config.grid.augmentations:
        if augmentation := config.augmentation(name):
            yield from label_warnings(name, augmentation, classes)


def label_warnings(
    name: str, augmentation: AugmentationSection, classes: Sequence[str]
) -> Iterator[str]:
    """The same for one augmentation."""
    found: dict[str, tuple[str, str]] = {}
    for change, first, second in opposite_classes(classes):
        found.setdefault(change, (first, second))
    for transform in augmentation.transforms if found else ():
        moved, label = motion(transform), next(iter(transform))
        for change, (first, second) in found.items():
            if did := _CHANGES[change](moved):
                yield (
                    f"augmentation {name}: {label} {did}, so a copy of {first!r} may look like "
                    f"{second!r} under an unchanged label; list augmentations.{name}.transforms "
                    f"without {label} if the direction defines the class"
                )


def _share(share: float, how: str) -> str:
    return f"turns {100 * share:.0f} % of the copies {how}" if share else ""


_CHANGES: Mapping[str, Callable[[Motion], str]] = {
    "horizontal": lambda moved: _share(moved.swaps_sides, "left to right"),
    "vertical": lambda moved: _share(moved.upside_down, "upside down"),
    "mirror": lambda moved: _share(moved.mirrors, "into their mirror image"),
    "half turn": lambda moved: _share(moved.half_turns, "by half a turn"),
    "quarter turn": lambda moved: (
        f"rotates copies by up to {moved.tilt:.0f} degrees" if moved.tilt >= _QUARTER else ""
    ),
}


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
