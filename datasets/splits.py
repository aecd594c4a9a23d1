"""Three ways to part images into train, validation and test; they differ in what may leak.

    pooled      copies are made first and every (image, copy) is parted by itself: the notebook
    stratified  images are parted by class, then the training images get their copies: the text
    grouped     the same, with whole groups (near-duplicates, views of one patient) on one side

All three part *units* by one algorithm, and draw the same numbers: without copies pooled equals
stratified, and grouped equals both where every group is a single image.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from datasets.errors import DataError
from datasets.quotas import ClassCounts, class_quotas, draw_parts, part_sizes

POLICIES = ("pooled", "stratified", "grouped")
PARTS = ("train", "val", "test")


def split_rows(
    manifest: pd.DataFrame,
    classes: Sequence[str],
    policy: str,
    *,
    seed: int,
    copies: int,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
) -> pd.DataFrame:
    """Part the images of some classes, and their copies, into train, validation and test.

    The sizes of the parts are the notebook's (`quotas.part_sizes`); each class has, in each part,
    its share of that size rounded up or down. `grouped` comes as near to that as whole groups
    allow. The result depends on no order of rows or classes.

    Args:
        manifest: columns image_id, class, and for `grouped` group; one row per usable image.
        classes: the scenario's class names; images of others take no part.
        policy: one of `POLICIES`.
        seed: with the set of classes, all that the drawing depends on.
        copies: augmented copies per image (K); 0 where the cell is not augmented.
        fractions: train, validation, test; each above 0, together 1.

    Returns:
        image_id, copy (0..K), part ("train" | "val" | "test"), sorted by image_id, copy.
        `pooled`: every (image, copy) once. Otherwise copies 0..K of the training images, and
        copy 0 of the validation and test images.

    Raises:
        DataError: unknown policy or class, fractions or copies out of range, or a class with
            fewer images (`grouped`: groups) than there are parts.
    """
    _check(policy, copies, fractions)
    images = _images_of(manifest, classes, policy)
    units = _units(images, policy, copies)
    parts = _draw(units, fractions, _generator(seed, classes))
    rows = [
        (image_id, copy, part)
        for unit, part in zip(units, parts, strict=True)
        for image_id, copy in _rows_of(unit, part, policy, copies)
    ]
    table = pd.DataFrame(rows, columns=["image_id", "copy", "part"])
    return table.sort_values(["image_id", "copy"], ignore_index=True)


def count_leaks(rows: pd.DataFrame, manifest: pd.DataFrame) -> int:
    """Count the test rows whose image, or a mate of its group, is in the training part.

    Args:
        rows: as `split_rows` returns them.
        manifest: columns image_id, group; every image of `rows` has a row.
    """
    group = rows["image_id"].map(manifest.set_index("image_id")["group"])
    seen = set(group[rows["part"] == "train"])
    return int(group[rows["part"] == "test"].isin(seen).sum())


@dataclass(frozen=True)
class _Unit:
    """What is parted as a whole: rows (image_id, copy), and how many of them each class has."""

    rows: tuple[tuple[str, int], ...]
    class_counts: ClassCounts


def _check(policy: str, copies: int, fractions: tuple[float, float, float]) -> None:
    if policy not in POLICIES:
        raise DataError(f"split.policy={policy!r}: expected one of {', '.join(POLICIES)}")
    if copies < 0:
        raise DataError(f"augment.copies={copies}: expected 0 or more")
    if min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-9:
        raise DataError(f"split.fractions={fractions}: expected three above 0 that sum to 1")


def _images_of(manifest: pd.DataFrame, classes: Sequence[str], policy: str) -> pd.DataFrame:
    """The rows of the classes, sorted by image_id; checks that each class can be parted."""
    known = sorted(manifest["class"].unique())
    unknown = sorted(set(classes) - set(known))
    if unknown:
        raise DataError(f"no images of {', '.join(unknown)}; classes there: {', '.join(known)}")
    images = manifest[manifest["class"].isin(list(classes))].sort_values("image_id")
    unit = "group" if policy == "grouped" else "image_id"
    for class_name, count in images.groupby("class")[unit].nunique().items():
        if count < len(PARTS):
            what = "groups" if policy == "grouped" else "images"
            raise DataError(
                f"class {class_name!r} has {count} {what}: split.policy={policy!r} needs at least "
                f"{len(PARTS)}, as many as parts; add images or leave the class out"
            )
    return images


def _units(images: pd.DataFrame, policy: str, copies: int) -> list[_Unit]:
    """The units in an order that depends on content only."""
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
        _Unit(tuple((i, 0) for i, _ in mates), tuple(sorted(Counter(c for _, c in mates).items())))
        for mates in grouped.values()
    ]


def _draw(
    units: list[_Unit], fractions: tuple[float, float, float], generator: np.random.Generator
) -> list[str]:
    """The part of each unit."""
    totals = Counter[int]()
    for unit in units:
        totals.update(dict(unit.class_counts))
    class_sizes = np.array([totals[c] for c in range(len(totals))], np.int64)
    sizes = part_sizes(int(class_sizes.sum()), fractions)
    quotas = class_quotas(class_sizes, sizes, generator)
    drawn = draw_parts([unit.class_counts for unit in units], quotas, generator)
    return [PARTS[part] for part in drawn]


def _generator(seed: int, classes: Sequence[str]) -> np.random.Generator:
    """Depends on the seed and the set of classes; not on the policy, which is to be compared."""
    name = json.dumps([seed, sorted(set(classes))])
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest(), "big"))


def _rows_of(unit: _Unit, part: str, policy: str, copies: int) -> list[tuple[str, int]]:
    if policy == "pooled" or part != "train":
        return list(unit.rows)
    return [(image_id, copy) for image_id, _ in unit.rows for copy in range(copies + 1)]
