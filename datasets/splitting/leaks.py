"""Count leaks: rows of a part whose image, duplicate or group mate is in the training part.

The rows counted are those that trials use. Each leaked row is counted once, under the first of
`KINDS` that applies.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

_PAIRS = {
    "exact": "exact duplicate",
    "near": "near-duplicate",
    "user": "same patient or user group",
}
KINDS: dict[str, str] = {
    "same_image": "copy of the same image",
    **_PAIRS,
    "group": "group mate",
}
"""The kinds of leak with their names in the report. same_image: another copy of the image itself;
exact, near, user: a pair of that kind in the `duplicates` table; group: a mate through other
images, or through a pair of another kind."""


@dataclass(frozen=True)
class LeakCount:
    """How many rows a part has, and how many of them are leaked, by kind."""

    rows: int
    by_kind: dict[str, int]

    @property
    def leaked(self) -> int:
        return sum(self.by_kind.values())


def count_leaks(
    rows: pd.DataFrame, images: pd.DataFrame, duplicates: pd.DataFrame, part: str = "test"
) -> LeakCount:
    """Count the rows of a part that have their own image, a duplicate or a group mate in train.

    Args:
        rows: image_id, copy, part, as `splits.split_rows` returns them.
        images: columns image_id, group; every image of `rows` has a row.
        duplicates: columns image_id_a, image_id_b, kind; pairs of other images play no part.
        part: "test" or "val".
    """
    own = rows.loc[rows["part"] == part, "image_id"]
    train = set(rows.loc[rows["part"] == "train", "image_id"])
    kinds = own.map(_kinds_of(set(own), train, images, duplicates))
    counts = kinds.value_counts()
    return LeakCount(len(own), {kind: int(counts.get(kind, 0)) for kind in KINDS})


def _kinds_of(
    own: set[str], train: set[str], images: pd.DataFrame, duplicates: pd.DataFrame
) -> dict[str, str]:
    """The kind of each leaked image; the kinds are laid over one another, the first one last."""
    group = dict(zip(images["image_id"], images["group"], strict=True))
    seen = {group[image_id] for image_id in train}
    kinds = {image_id: "group" for image_id in own if group[image_id] in seen}
    pairs = list(_pairs_into(own, train, duplicates))
    for kind in ("group", *reversed(tuple(_PAIRS))):
        kinds |= {
            image_id: kind
            for image_id, pair in pairs
            if pair == kind or (kind == "group" and pair not in _PAIRS)
        }
    return kinds | dict.fromkeys(own & train, "same_image")


def _pairs_into(
    own: set[str], train: set[str], duplicates: pd.DataFrame
) -> Iterable[tuple[str, str]]:
    """(image of the part, kind) of each pair that has its other image in train."""
    columns = (duplicates[name] for name in ("image_id_a", "image_id_b", "kind"))
    for a, b, kind in zip(*columns, strict=True):
        for one, other in ((a, b), (b, a)):
            if one in own and other in train:
                yield one, kind
