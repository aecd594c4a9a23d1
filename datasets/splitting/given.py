"""The split that the images came with: the folder's own train, validation and test layers, or the
column split of their table of labels, taken as it is.

    root/train/<class>/...   root/test/<class>/...   and perhaps root/val/<class>/...

Nobody knows what such a split leaks until it is counted (`leaks.count_leaks`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from datasets.errors import DataError
from datasets.layout.folder_names import part_of_layer
from datasets.splits import images_of, rows_with_copies, split_generator
from datasets.splitting.quotas import ClassCounts, class_quotas, draw_parts


def given_rows(
    manifest: pd.DataFrame,
    classes: Sequence[str],
    *,
    seed: int,
    copies: int,
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
) -> pd.DataFrame:
    """The split that the images of some classes came with.

    Test is the test layer; validation is the validation layer, or where there is none of these
    classes a stratified draw of the train layer (`take_validation`): the seed decides that only.

    Args:
        manifest: columns image_id, class, origin (the layer's or part's name, "" without one).
        classes, seed, copies, fractions: as for `splits.split_rows`; of the fractions only the
            ratio of train to validation counts, where validation is drawn.

    Returns:
        As `splits.split_rows` for a policy that parts images.

    Raises:
        DataError: no train or no test layer, an image outside of them, or a class that is
            missing in one of the two.
    """
    images = images_of(manifest, classes)
    parts = images["origin"].map(part_of_layer)
    outside = int(parts.isna().sum())
    if not images["origin"].any():
        raise DataError(
            "split.policies: given needs a train and a test layer (train/CLASS/..., "
            "test/CLASS/...) or a column split in data.labels, and there is neither; leave given "
            "out"
        )
    if outside:
        raise DataError(
            f"split.policies: given: {outside} of {len(images)} images are in no train, val or "
            "test layer or split; assign them to one, or leave given out"
        )
    part_of = dict(zip(images["image_id"], parts, strict=True))
    check_classes(part_of, images, "split.policies: given", "layer")
    part_of = take_validation(part_of, images, seed, classes, fractions)
    return rows_with_copies(part_of, copies)


def layer_rows(images: pd.DataFrame) -> pd.DataFrame:
    """What lies in which layer, asking nothing of it: image_id, copy (0) and part.

    Images outside of a train, validation or test layer are left out.
    """
    parts = images["origin"].map(part_of_layer)
    rows = pd.DataFrame({"image_id": images["image_id"], "copy": 0, "part": parts})
    return rows.dropna(subset=["part"]).reset_index(drop=True)


def check_classes(
    part_of: Mapping[str, str], images: pd.DataFrame, asked: str, what: str = "part"
) -> None:
    """Raise DataError unless every class has images both in train and in test."""
    found = pd.crosstab(images["class"], images["image_id"].map(part_of))
    for part in ("train", "test"):
        if part not in found:
            raise DataError(f"{asked}: there is no {part} {what}; train and test are both needed")
        for class_name, count in found[part].items():
            if count == 0:
                raise DataError(
                    f"{asked}: the {part} {what} has no image of class {class_name!r}; add some, "
                    "or leave the class out"
                )


def take_validation(
    part_of: Mapping[str, str],
    images: pd.DataFrame,
    seed: int,
    classes: Sequence[str],
    fractions: tuple[float, float, float],
) -> dict[str, str]:
    """Take a validation part from train, stratified by class, where there is none.

    Its share of the training images is validation's of train and validation in `fractions`.

    Raises:
        DataError: a class with a single training image.
    """
    if "val" in part_of.values():
        return dict(part_of)
    train = images[images["image_id"].map(part_of) == "train"]
    for class_name, count in train["class"].value_counts().sort_index().items():
        if count < 2:
            raise DataError(
                f"class {class_name!r} has one training image: validation is taken from train, "
                "so at least 2 are needed; add images, or leave the class out"
            )
    names = sorted(train["class"].unique())
    units: list[ClassCounts] = [((names.index(name), 1),) for name in train["class"]]
    size = round(len(train) * fractions[1] / (fractions[0] + fractions[1]))
    size = min(max(1, size), len(train) - len(names))  # every class keeps a training image
    generator = split_generator(seed, classes)
    sizes = np.bincount([unit[0][0] for unit in units])
    quotas = class_quotas(sizes, (len(train) - size, size), generator)
    drawn = draw_parts(units, quotas, generator)
    taken = {i for i, part in zip(train["image_id"], drawn, strict=True) if part == 1}
    return {i: "val" if i in taken else part for i, part in part_of.items()}
