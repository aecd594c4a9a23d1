"""Split images into train, validation and test; the policies differ in what may leak.

    pooled      copies are made first, then every (image, copy) is split by itself: the notebook
    stratified  images are split by class, then the training images get their copies: the text
    grouped     as stratified, with whole groups (near-duplicates, views of one patient) on one side
    given       the folder's own train and test layers (`given.given_rows`)
    file        as listed in a file (`split_file.file_rows`)

The first three are drawn at random, here. They split *units* by one algorithm and draw the same
numbers: without copies pooled equals stratified, and grouped equals both if every group is one
image.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from datasets.errors import DataError
from datasets.splitting.balance import balance_parts
from datasets.splitting.quotas import (
    ClassCounts,
    class_quotas,
    draw_parts,
    fold_sizes,
    part_sizes,
)

DRAWN = ("pooled", "stratified", "grouped")
POLICIES = (*DRAWN, "given", "file")
PARTS = ("train", "val", "test")
FEWEST_FOLDS = 3  # one each for testing, validation and training


def split_rows(
    manifest: pd.DataFrame,
    classes: Sequence[str],
    policy: str,
    *,
    seed: int,
    copies: int,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
) -> pd.DataFrame:
    """Split the images of some classes, and their copies, into train, validation and test.

    The sizes of the parts are the notebook's (`quotas.part_sizes`); each class has, in each part,
    its share of that size rounded up or down. `grouped` comes as close to that as whole groups
    allow (`balance.balance_parts`). The result does not depend on the order of rows or classes.

    Args:
        manifest: columns image_id, class, and for `grouped` group; one row per usable image.
        classes: the scenario's class names; images of other classes are left out.
        policy: one of `DRAWN`.
        seed: determines the draw, together with the set of classes.
        copies: augmented copies per image (K); 0 if the cell is not augmented.
        fractions: train, validation, test; each above 0, together 1.

    Returns:
        image_id, copy (0..K), part ("train" | "val" | "test"), sorted by image_id, copy.
        `pooled`: every (image, copy) once. Otherwise copies 0..K of the training images, and
        copy 0 of the validation and test images.

    Raises:
        DataError: unknown policy or class, fractions or copies out of range, or a class with
            fewer images (`grouped`: groups) than there are parts.
    """
    _check(policy, copies)
    if min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-9:
        raise DataError(f"split.fractions={fractions}: expected three above 0 that sum to 1")
    images = images_of(manifest, classes)
    _check_enough(images, policy, len(PARTS), f"split.policy={policy!r}", "parts")
    units = _units(images, policy, copies)
    sizes = part_sizes(_count(units), fractions)
    parts = [PARTS[part] for part in _draw(units, policy, sizes, split_generator(seed, classes))]
    return _rows(units, parts, policy, copies)


def fold_rows(
    manifest: pd.DataFrame,
    classes: Sequence[str],
    policy: str,
    *,
    seed: int,
    copies: int,
    folds: int,
) -> list[pd.DataFrame]:
    """Split the images for cross-validation; each fold is the test part of one split.

    In split i, fold i is the test part, the next one (cyclically) the validation part, and the rest
    is for training: over all splits every image (`pooled`: every row) is tested exactly once and
    used for validation exactly once. Folds differ in size by at most one (`grouped`: as whole
    groups allow) and have the same class proportions.

    Args:
        folds: `FEWEST_FOLDS` or more; the others as for `split_rows`.

    Returns:
        One table as of `split_rows` per fold, in order.

    Raises:
        DataError: as `split_rows`; a class needs as many images (`grouped`: groups) as folds.
    """
    _check(policy, copies)
    if folds < FEWEST_FOLDS:
        raise DataError(f"split.folds={folds}: expected {FEWEST_FOLDS} or more")
    images = images_of(manifest, classes)
    _check_enough(images, policy, folds, f"split.folds={folds}", "folds")
    units = _units(images, policy, copies)
    sizes = fold_sizes(_count(units), folds)
    drawn = _draw(units, policy, sizes, split_generator(seed, classes))
    return [
        _rows(units, [_part_in_fold(fold, test, folds) for fold in drawn], policy, copies)
        for test in range(folds)
    ]


def images_of(manifest: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """The images of some classes, sorted by image_id. Raises DataError for a class without any."""
    known = sorted(manifest["class"].unique())
    unknown = sorted(set(classes) - set(known))
    if unknown:
        raise DataError(f"no images of {', '.join(unknown)}; known classes: {', '.join(known)}")
    return manifest[manifest["class"].isin(list(classes))].sort_values("image_id")


def rows_with_copies(part_of: Mapping[str, str], copies: int) -> pd.DataFrame:
    """The sorted rows of a split: copies 0..K of training images, copy 0 of the others."""
    rows = [
        (image_id, copy, part)
        for image_id, part in part_of.items()
        for copy in range(copies + 1 if part == "train" else 1)
    ]
    return sorted_rows(pd.DataFrame(rows, columns=["image_id", "copy", "part"]))


def sorted_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort rows into the order in which they are stored and trained on."""
    return rows.sort_values(["image_id", "copy"], ignore_index=True)


def split_generator(seed: int, classes: Sequence[str]) -> np.random.Generator:
    """Seeded by the seed and the set of classes, not by the policy, so that policies compare."""
    name = json.dumps([seed, sorted(set(classes))])
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest(), "big"))


@dataclass(frozen=True)
class _Unit:
    """Rows (image_id, copy) that are assigned together, and how many of them each class has."""

    rows: tuple[tuple[str, int], ...]
    class_counts: ClassCounts


def _check(policy: str, copies: int) -> None:
    if policy not in DRAWN:
        raise DataError(f"split.policy={policy!r}: expected one of {', '.join(DRAWN)}")
    if copies < 0:
        raise DataError(f"copies={copies}: expected 0 or more")


def _check_enough(images: pd.DataFrame, policy: str, least: int, asked: str, parts: str) -> None:
    unit, what = ("group", "groups") if policy == "grouped" else ("image_id", "images")
    for class_name, count in images.groupby("class")[unit].nunique().items():
        if count < least:
            raise DataError(
                f"class {class_name!r} has {count} {what}: {asked} needs at least {least}, as "
                f"many as {parts}; add images or remove the class"
            )


def _units(images: pd.DataFrame, policy: str, copies: int) -> list[_Unit]:
    """The units, in an order that depends on content only."""
    index = {name: i for i, name in enumerate(sorted(images["class"].unique()))}
    members = [
        (image_id, index[name])
        for image_id, name in zip(images["image_id"], images["class"], strict=True)
    ]
    if policy == "pooled":
        every_copy = range(copies + 1)
        return [_Unit(((i, copy),), ((c, 1),)) for i, c in members for copy in every_copy]
    key = images["group"] if policy == "grouped" else images["image_id"]
    grouped: dict[str, list[tuple[str, int]]] = {}
    for group, member in zip(key, members, strict=True):
        grouped.setdefault(group, []).append(member)
    return [
        _Unit(tuple((i, 0) for i, _ in unit), tuple(sorted(Counter(c for _, c in unit).items())))
        for unit in grouped.values()
    ]


def _count(units: list[_Unit]) -> int:
    return sum(len(unit.rows) for unit in units)


def _draw(
    units: list[_Unit], policy: str, sizes: Sequence[int], generator: np.random.Generator
) -> list[int]:
    """Draw the index of each unit's part; `sizes` are the numbers of rows wanted in the parts."""
    totals = Counter[int]()
    for unit in units:
        totals.update(dict(unit.class_counts))
    class_sizes = np.array([totals[c] for c in range(len(totals))], np.int64)
    quotas = class_quotas(class_sizes, sizes, generator)
    draw = balance_parts if policy == "grouped" else draw_parts
    return draw([unit.class_counts for unit in units], quotas, generator)


def _part_in_fold(fold: int, test: int, folds: int) -> str:
    """The part of a unit of fold `fold` in the split that tests fold `test`."""
    return {test: "test", (test + 1) % folds: "val"}.get(fold, "train")


def _rows(units: list[_Unit], parts: list[str], policy: str, copies: int) -> pd.DataFrame:
    if policy != "pooled":
        return rows_with_copies(
            {i: part for unit, part in zip(units, parts, strict=True) for i, _ in unit.rows}, copies
        )
    rows = [(*unit.rows[0], part) for unit, part in zip(units, parts, strict=True)]
    return sorted_rows(pd.DataFrame(rows, columns=["image_id", "copy", "part"]))
