"""Draw random splits of images into train, validation and test (`splitting.policies` lists all).

They divide *units* by one algorithm, and draw the same numbers whatever the units are: an image, a
whole group of images, or each copy of an image separately. So without copies `pooled` equals
`stratified`, and `grouped` equals both where every group is one image.
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

PARTS = ("train", "val", "test")
FEWEST_FOLDS = 3  # one each for testing, validation and training


@dataclass(frozen=True)
class Drawing:
    """What is drawn as a whole under a split policy of that name.

    Attributes:
        by_group: whole groups (near-duplicates, views of one patient) stay together.
        copies_apart: copies are made before the split, and each is a unit: the published notebook.
            Otherwise images are split, and the training images get their copies afterwards.
    """

    name: str
    by_group: bool = False
    copies_apart: bool = False


def split_rows(
    manifest: pd.DataFrame,
    classes: Sequence[str],
    drawing: Drawing,
    *,
    seed: int,
    copies: int,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
) -> pd.DataFrame:
    """Split the images of some classes, and their copies, into train, validation and test.

    The sizes of the parts are the notebook's (`quotas.part_sizes`); each class has, in each part,
    its share of that size rounded up or down. Whole groups come as close to that as they
    allow (`balance.balance_parts`). The result depends on no order of rows or classes.

    Args:
        manifest: columns image_id, class, and for `by_group` group; one row per usable image.
        classes: the scenario's class names; images of others take no part.
        drawing: what is drawn as a whole.
        seed: with the set of classes, all that the drawing depends on.
        copies: augmented copies per image (K); 0 where the cell is not augmented.
        fractions: train, validation, test; each above 0, together 1.

    Returns:
        image_id, copy (0..K), part ("train" | "val" | "test"), sorted by image_id, copy.
        `copies_apart`: every (image, copy) once. Otherwise copies 0..K of the training images, and
        copy 0 of the validation and test images.

    Raises:
        DataError: unknown class, fractions or copies out of range, or a class with fewer images
            (`by_group`: groups) than there are parts.
    """
    _check_copies(copies)
    if min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-9:
        raise DataError(f"split.fractions={fractions}: expected three above 0 that sum to 1")
    images = images_of(manifest, classes)
    _check_enough(images, drawing, len(PARTS), f"split.policy={drawing.name!r}", "parts")
    units = _units(images, drawing, copies)
    sizes = part_sizes(len(units.rows), fractions)
    parts = [PARTS[part] for part in _draw(units, drawing, sizes, split_generator(seed, classes))]
    return _rows(units, parts, drawing, copies)


def fold_rows(
    manifest: pd.DataFrame,
    classes: Sequence[str],
    drawing: Drawing,
    *,
    seed: int,
    copies: int,
    folds: int,
) -> list[pd.DataFrame]:
    """Cross-validation: divide the images once into folds; each is the test part of one split.

    Fold i is tested, the next one (after the last, the first) validates, and the rest trains: over
    the splits every image (`copies_apart`: every row) is tested exactly once and validates exactly
    once. Folds differ in size by one at most (`by_group`: as whole groups allow) and have the same
    mix of classes.

    Args:
        folds: `FEWEST_FOLDS` or more; the others as for `split_rows`.

    Returns:
        One table as of `split_rows` per fold, in order.

    Raises:
        DataError: as `split_rows`; a class needs as many images (`by_group`: groups) as folds.
    """
    _check_copies(copies)
    if folds < FEWEST_FOLDS:
        raise DataError(f"split.folds={folds}: expected {FEWEST_FOLDS} or more")
    images = images_of(manifest, classes)
    _check_enough(images, drawing, folds, f"split.folds={folds}", "folds")
    units = _units(images, drawing, copies)
    sizes = fold_sizes(len(units.rows), folds)
    drawn = _draw(units, drawing, sizes, split_generator(seed, classes))
    return [
        _rows(units, [_part_in_fold(own, test, folds) for own in drawn], drawing, copies)
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
    image_ids, parts = np.array(list(part_of), object), np.array(list(part_of.values()), object)
    each = np.where(parts == "train", copies + 1, 1)
    first = np.repeat(np.cumsum(each) - each, each)
    return sorted_rows(
        pd.DataFrame(
            {
                "image_id": np.repeat(image_ids, each),
                "copy": np.arange(len(first)) - first,
                "part": np.repeat(parts, each),
            }
        )
    )


def sorted_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort rows into the order in which they are stored and trained on."""
    return rows.sort_values(["image_id", "copy"], ignore_index=True)


def split_generator(seed: int, classes: Sequence[str]) -> np.random.Generator:
    """Seeded by the seed and the set of classes, not by the policy, so that policies compare."""
    name = json.dumps([seed, sorted(set(classes))])
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest(), "big"))


@dataclass(frozen=True)
class _Units:
    """What is assigned as a whole: the unit of each row, and each unit's rows of each class.

    `rows`: image_id, copy. `unit`: (rows,) int64. In an order that depends on content only.
    """

    rows: pd.DataFrame
    unit: np.ndarray
    counts: list[ClassCounts]


def _check_copies(copies: int) -> None:
    if copies < 0:
        raise DataError(f"copies={copies}: expected 0 or more")


def _check_enough(
    images: pd.DataFrame, drawing: Drawing, least: int, asked: str, parts: str
) -> None:
    unit, what = ("group", "groups") if drawing.by_group else ("image_id", "images")
    for class_name, count in images.groupby("class")[unit].nunique().items():
        if count < least:
            raise DataError(
                f"class {class_name!r} has {count} {what}: {asked} needs at least {least}, as "
                f"many as {parts}; add images or remove the class"
            )


def _units(images: pd.DataFrame, drawing: Drawing, copies: int) -> _Units:
    index = {name: i for i, name in enumerate(sorted(images["class"].unique()))}
    classes = images["class"].map(index).to_numpy()
    image_ids = images["image_id"].to_numpy()
    if drawing.copies_apart:
        each = copies + 1
        single = [((i, 1),) for i in range(len(index))]
        rows = {
            "image_id": np.repeat(image_ids, each),
            "copy": np.tile(np.arange(each), len(images)),
        }
        counts = [single[i] for i in np.repeat(classes, each).tolist()]
        return _Units(pd.DataFrame(rows), np.arange(len(counts)), counts)
    unit = pd.factorize(images["group"] if drawing.by_group else images["image_id"])[0]
    found = [Counter[int]() for _ in range(int(unit.max()) + 1)]
    for own, i in zip(unit.tolist(), classes.tolist(), strict=True):
        found[own][i] += 1
    counts = [tuple(sorted(one.items())) for one in found]
    return _Units(pd.DataFrame({"image_id": image_ids, "copy": 0}), unit, counts)


def _draw(
    units: _Units, drawing: Drawing, sizes: Sequence[int], generator: np.random.Generator
) -> list[int]:
    """Draw the index of each unit's part; `sizes` are the numbers of rows wanted in the parts."""
    totals = Counter[int]()
    for counts, number in Counter(units.counts).items():
        for i, rows in counts:
            totals[i] += rows * number
    class_sizes = np.array([totals[i] for i in range(len(totals))], np.int64)
    quotas = class_quotas(class_sizes, sizes, generator)
    draw = balance_parts if drawing.by_group else draw_parts
    return draw(units.counts, quotas, generator)


def _part_in_fold(fold: int, test: int, folds: int) -> str:
    """The part of a unit of fold `fold` in the split that tests fold `test`."""
    return {test: "test", (test + 1) % folds: "val"}.get(fold, "train")


def _rows(units: _Units, parts: Sequence[str], drawing: Drawing, copies: int) -> pd.DataFrame:
    rows = units.rows.assign(part=np.array(parts, dtype=object)[units.unit])
    if drawing.copies_apart:
        return sorted_rows(rows)
    return rows_with_copies(dict(zip(rows["image_id"], rows["part"], strict=True)), copies)
