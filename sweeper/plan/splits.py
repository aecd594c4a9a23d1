"""Divide the images for every split of a grid by its policy, and count each split's leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import pandas as pd

from datasets.errors import DataError
from datasets.splitting.division import Division, SplitFile
from datasets.splitting.leaks import LeakCount, count_leaks
from datasets.splitting.policies import POLICIES
from reports.axes import NO_AUGMENTATION
from sweeper.config.schema import SplitSection
from sweeper.plan.collect import Collection
from sweeper.plan.grid import Cell
from sweeper.store.artifact import Target
from sweeper.store.records import split_target


class SplitName(NamedTuple):
    """The entries that a split depends on: cells with the same ones share their rows."""

    split_policy: str
    scenario: str
    repeat: int  # 1..r: another drawing
    augmentation: str
    fold: int  # 1..k, or 0 without folds

    @classmethod
    def of(cls, cell: Cell) -> SplitName:
        return cls(cell.split_policy, cell.scenario, cell.repeat, cell.augmentation, cell.fold)

    @property
    def columns(self) -> dict[str, str | int | bool]:
        """Its columns of the tables."""
        return {**self._asdict(), "augmented": self.augmentation != NO_AUGMENTATION}

    def __str__(self) -> str:
        fold = f", fold {self.fold}" if self.fold else ""
        repeat = f", repeat {self.repeat}" if self.repeat > 1 else ""
        return f"scenario {self.scenario!r}{repeat}{fold}, augmentation {self.augmentation}"


@dataclass(frozen=True)
class Split:
    """A split: its artifact, its rows with integer labels, its leaks into test and val."""

    target: Target
    rows: pd.DataFrame
    leaks: dict[str, LeakCount]

    @property
    def key(self) -> str:
        return self.target.key

    @property
    def leaked(self) -> int:
        """Test rows that leak into training."""
        return self.leaks["test"].leaked

    def count(self, part: str) -> int:
        return int((self.rows["part"] == part).sum())


def make_splits(
    names: Sequence[SplitName],
    section: SplitSection,
    scenarios: Mapping[str, Sequence[str]],
    collection: Collection,
    copies: Mapping[str, int],
) -> dict[SplitName, Split]:
    """Make the splits of these names, folds of one drawing next to each other.

    Raises:
        DataError: what the policies say of the data or the file, and a `grouped` split that leaks.
    """
    file = section.file and SplitFile(section.file, section.file_policy, section.file_unlisted)
    splits = {}
    for _, same in groupby(names, key=lambda name: name[:4]):
        folds = list(same)
        first = folds[0]
        division = Division(
            images=collection.images,
            scenario=first.scenario,
            classes=scenarios[first.scenario],
            repeat=first.repeat,
            augmentation=first.augmentation,
            augmented=first.augmentation != NO_AUGMENTATION,
            seed=section.seed + first.repeat - 1,
            copies=copies[first.augmentation],
            fractions=section.fractions,
            folds=section.folds or 0,
            file=file or None,
        )
        made = POLICIES[first.split_policy].rows(division, [name.fold for name in folds])
        for name, rows in zip(folds, made, strict=True):
            splits[name] = _checked(name, rows, division.classes, collection)
    return splits


def _checked(
    name: SplitName, rows: pd.DataFrame, classes: Sequence[str], collection: Collection
) -> Split:
    images, duplicates = collection.images, collection.duplicates
    leaks = {part: count_leaks(rows, images, duplicates, part) for part in ("test", "val")}
    if POLICIES[name.split_policy].leak_free:
        _refuse(name, leaks)
    number = {class_name: i for i, class_name in enumerate(classes)}
    label = images.set_index("image_id")["class"].map(number)
    rows = rows.assign(label=rows["image_id"].map(label).astype("int64"))
    return Split(split_target(rows), rows, leaks)


def _refuse(name: SplitName, leaks: Mapping[str, LeakCount]) -> None:
    """A split of a leak-free policy that leaks is not what it claims to be."""
    if not any(count.leaked for count in leaks.values()):
        return
    found = " and ".join(f"{c.leaked} of {c.rows} {part} rows" for part, c in leaks.items())
    kinds = {kind for count in leaks.values() for kind, number in count.by_kind.items() if number}
    raise DataError(
        f"split.policies: {name.split_policy} leaks ({name}): {found} have their image, a "
        f"duplicate or a group mate in train ({', '.join(sorted(kinds))}), which this policy must "
        "prevent. This is a bug: a group was split, or lacks a pair that was found; please report "
        "it. split.policies=[stratified] runs the same images with their leaks counted"
    )
