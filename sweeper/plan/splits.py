"""Every split of a grid: made by its policy, stored, and its leaks counted from its own rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import NamedTuple

import pandas as pd

from datasets.errors import DataError
from datasets.splits import fold_rows, split_rows
from datasets.splitting.given import given_rows
from datasets.splitting.leaks import LeakCount, count_leaks
from datasets.splitting.split_file import SplitPoint, file_rows, read_split_file
from reports.axes import NO_AUGMENTATION
from sweeper.config.schema import SplitSection
from sweeper.plan.collect import Collection
from sweeper.plan.grid import Cell
from sweeper.store.records import write_split
from sweeper.store.store import Store


class SplitName(NamedTuple):
    """What a split depends on: cells that agree in it share their rows."""

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
    """A stored split: its rows with integer labels, and its leaks into test and validation."""

    key: str
    rows: pd.DataFrame
    leaks: dict[str, LeakCount]

    @property
    def leaked(self) -> int:
        """Test rows that training has seen."""
        return self.leaks["test"].leaked

    def count(self, part: str) -> int:
        return int((self.rows["part"] == part).sum())


def make_splits(
    names: Sequence[SplitName],
    section: SplitSection,
    scenarios: Mapping[str, Sequence[str]],
    collection: Collection,
    copies: Mapping[str, int],
    store: Store,
) -> dict[SplitName, Split]:
    """Make and store the splits of these names, folds of one drawing next to each other.

    Raises:
        DataError: what the policies say of the data or the file, and a `grouped` split that leaks.
    """
    work = _Splitting(section, scenarios, collection, copies)
    splits = {}
    for _, same in groupby(names, key=lambda name: name[:4]):
        for name, rows in work.rows(list(same)):
            splits[name] = _stored(name, rows, scenarios[name.scenario], collection, store)
    return splits


@dataclass
class _Splitting:
    """Rows by policy; a split file is read once."""

    section: SplitSection
    scenarios: Mapping[str, Sequence[str]]
    collection: Collection
    copies: Mapping[str, int]  # fixed ones of an image, by augmentation
    _file: pd.DataFrame | None = None

    def rows(self, folds: list[SplitName]) -> Iterator[tuple[SplitName, pd.DataFrame]]:
        """The rows of names that differ in their fold only."""
        first = folds[0]
        arguments = {
            "seed": self._seed(first),
            "copies": self.copies[first.augmentation],
        }
        images, classes = self.collection.images, self.scenarios[first.scenario]
        if first.split_policy == "file":
            yield from ((name, self._from_file(name)) for name in folds)
        elif self.section.folds:
            k = self.section.folds
            drawn = fold_rows(images, classes, first.split_policy, folds=k, **arguments)
            yield from ((name, drawn[name.fold - 1]) for name in folds)
        else:
            of_policy: Callable[..., pd.DataFrame] = (
                given_rows
                if first.split_policy == "given"
                else partial(split_rows, policy=first.split_policy)
            )
            yield first, of_policy(images, classes, fractions=self.section.fractions, **arguments)

    def _seed(self, name: SplitName) -> int:
        return self.section.seed + name.repeat - 1

    def _from_file(self, name: SplitName) -> pd.DataFrame:
        section, path = self.section, self.section.file or ""
        if self._file is None:
            self._file = read_split_file(path, section.file_policy)
        return file_rows(
            self._file,
            path,
            self.collection.images,
            self.scenarios[name.scenario],
            SplitPoint(
                name.scenario,
                name.repeat,
                name.fold,
                section.folds or 0,
                name.augmentation != NO_AUGMENTATION,
                name.augmentation,
            ),
            seed=self._seed(name),
            copies=self.copies[name.augmentation],
            fractions=section.fractions,
            unlisted=section.file_unlisted,
        )


def _stored(
    name: SplitName,
    rows: pd.DataFrame,
    classes: Sequence[str],
    collection: Collection,
    store: Store,
) -> Split:
    images, duplicates = collection.images, collection.duplicates
    leaks = {part: count_leaks(rows, images, duplicates, part) for part in ("test", "val")}
    if name.split_policy == "grouped":
        _refuse(name, leaks)
    number = {class_name: i for i, class_name in enumerate(classes)}
    label = images.set_index("image_id")["class"].map(number)
    rows = rows.assign(label=rows["image_id"].map(label).astype("int64"))
    return Split(write_split(store, rows), rows, leaks)


def _refuse(name: SplitName, leaks: Mapping[str, LeakCount]) -> None:
    """A grouped split that leaks is not what it says it is."""
    if not any(count.leaked for count in leaks.values()):
        return
    found = " and ".join(f"{c.leaked} of {c.rows} {part} rows" for part, c in leaks.items())
    kinds = {kind for count in leaks.values() for kind, number in count.by_kind.items() if number}
    raise DataError(
        f"split.policies: grouped leaks ({name}): {found} have their image, a duplicate or a "
        f"group mate in train ({', '.join(sorted(kinds))}), and none may. This is a bug: groups "
        "that do not hold the pairs found, or were not kept whole; please report it. "
        "split.policies=[stratified] runs the same images with their leaks counted"
    )
