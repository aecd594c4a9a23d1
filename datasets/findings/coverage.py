"""Find classes that are missing from a part of a split: an untested class has no result."""

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd

from datasets.layout.folder_names import named
from datasets.splits import PARTS
from datasets.splitting.given import layer_rows
from datasets.splitting.quotas import class_quotas, part_sizes

FRACTIONS = (0.8, 0.1, 0.1)  # train, validation, test: the default
_MAX_CLASSES = 300  # above, computing the quotas takes seconds
_WORDS = {"test": "test", "val": "validation", "train": "training"}
LAYERS_ADVICE = (
    "use split.policies=[grouped], which draws its own parts, or add images of these classes"
)
ADVICE = (
    "set split.folds=3, which tests every image once, add images of these classes, or remove them"
)


def missing_in_layers(images: pd.DataFrame) -> dict[str, list[str]]:
    """The classes missing from a folder's own layers, by part.

    Args:
        images: image_id, class, origin.

    Returns:
        Part -> missing classes, for the existing parts that lack some.
    """
    rows = layer_rows(images)
    class_of = images.set_index("image_id")["class"]
    return _lacking(rows["part"], rows["image_id"].map(class_of), sorted(set(images["class"])))


def untested_by_default(images: pd.DataFrame) -> list[str]:
    """The classes that get no test image if `FRACTIONS` of every class are drawn.

    Args:
        images: class, group. Classes are counted in groups, as the grouped split does.
    """
    groups = images.groupby("class")["group"].nunique().sort_index()
    total = int(groups.sum())
    if len(groups) > _MAX_CLASSES or total < len(PARTS):
        return []
    sizes = part_sizes(total, FRACTIONS)
    quotas = class_quotas(np.array(groups, np.int64), sizes, np.random.default_rng(0))
    return [str(name) for name in groups.index[quotas[:, PARTS.index("test")] == 0]]


def lacking_in_parts(
    splits: Iterable[pd.DataFrame], classes: Collection[str]
) -> dict[str, list[str]]:
    """The classes that a part lacks in every split: in one, or in all folds of a cross-validation.

    Args:
        splits: part, label (the index of a class in `classes`).
        classes: the scenario's, in order.

    Returns:
        Part -> missing classes, in the order of `classes`, for the parts that lack some.
    """
    rows = pd.concat(splits)
    names = list(classes)
    return _lacking(rows["part"], rows["label"].map(dict(enumerate(names))), names)


def in_words(lacking: dict[str, list[str]], classes: int) -> str:
    """`42 of 60 classes have no test image (c00, c01 and 40 more), 1 of 60 no validation image`."""
    parts = [part for part in ("test", "val", "train") if lacking.get(part)]
    texts = []
    for part in parts:
        number = len(lacking[part])
        verb = ("has " if number == 1 else "have ") if part == parts[0] else ""
        first = named(map(repr, lacking[part]), 3)
        texts.append(f"{number} of {classes} classes {verb}no {_WORDS[part]} image ({first})")
    return ", ".join(texts)


def _lacking(parts: pd.Series, names: pd.Series, classes: list[str]) -> dict[str, list[str]]:
    lacking = {}
    for part in dict.fromkeys(parts):
        present = set(names[parts == part])
        if missing := [name for name in classes if name not in present]:
            lacking[str(part)] = missing
    return lacking
