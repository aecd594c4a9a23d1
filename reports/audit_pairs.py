"""Order pairs of copies for the reader, group by group.

Groups whose copies cross classes or layers come first, then the largest. The same order decides
which pictures are kept for the page (`pictures`) and how the page shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.run import Row, records

MOST_PAIRS_OF_A_GROUP = 6


@dataclass(frozen=True)
class Pair:
    """Two rows of `images` that hold the same, and how."""

    a: Row
    b: Row
    kind: str
    score: float
    transform: str

    @property
    def crosses_classes(self) -> bool:
        return bool(self.a["class"] != self.b["class"])

    @property
    def crosses_layers(self) -> bool:
        return bool(self.a["origin"] and self.b["origin"] and self.a["origin"] != self.b["origin"])


@dataclass(frozen=True)
class Group:
    """The pairs of one group, those that cross classes or layers first."""

    images: int
    pairs: list[Pair]

    @property
    def crosses_classes(self) -> bool:
        return any(pair.crosses_classes for pair in self.pairs)

    @property
    def crosses_layers(self) -> bool:
        return any(pair.crosses_layers for pair in self.pairs)


def ordered_groups(images: pd.DataFrame, duplicates: pd.DataFrame) -> list[Group]:
    """All groups that hold copies, without pairs that come only from the user or a PatientID."""
    rows = {row["image_id"]: row for row in records(images)}
    sizes = images["group"].value_counts()
    pairs: dict[str, list[Pair]] = {}
    for row in records(duplicates[duplicates["kind"] != "user"]):
        a, b = rows[row["image_id_a"]], rows[row["image_id_b"]]
        pair = Pair(a, b, row["kind"], row["score"], row["transform"])
        pairs.setdefault(a["group"], []).append(pair)
    groups = [Group(int(sizes[name]), sorted(own, key=_pair_order)) for name, own in pairs.items()]
    return sorted(groups, key=_group_order)


def pictures(groups: list[Group]) -> Iterator[tuple[str, str]]:
    """The image_ids of the pairs that are shown, pair by pair, in the page's order."""
    for group in groups:
        for pair in group.pairs[:MOST_PAIRS_OF_A_GROUP]:
            yield pair.a["image_id"], pair.b["image_id"]


def _pair_order(pair: Pair) -> tuple[Any, ...]:
    crossed = pair.crosses_classes + pair.crosses_layers
    return (-crossed, pair.kind, -pair.score, pair.a["path"], pair.b["path"])


def _group_order(group: Group) -> tuple[Any, ...]:
    crossed = group.crosses_classes + group.crosses_layers
    return (-crossed, -group.crosses_layers, -group.images, group.pairs[0].a["path"])
