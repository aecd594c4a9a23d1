"""The most frequent confusions of a cell, and test images that show them.

The same selection decides which pictures are kept for the page (`pictured`) and which it shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import pandas as pd

from reports.run import Row, records

MOST_PAIRS = 3
MOST_EXAMPLES = 2


@dataclass(frozen=True)
class Mistaken:
    """A misclassified test row. `confidence`: the probability given to it."""

    image_id: str
    copy: int
    confidence: float


@dataclass(frozen=True)
class Mistake:
    """One class predicted as another: `count` of the `of` test rows of class `label`."""

    label: str
    predicted: str
    count: int
    of: int
    examples: tuple[Mistaken, ...]


def most_mistaken(predictions: pd.DataFrame) -> list[Mistake]:
    """The pairs of classes that one cell confuses most, by rows, then by share of the class.

    `predictions`: the cell's rows of that table, at least its columns image_id, copy, label,
    predicted and probabilities. Examples are different images, the most confident errors first.
    """
    support = Counter(predictions["label"])
    wrong = predictions[predictions["label"] != predictions["predicted"]]
    pairs: dict[tuple[str, str], list[Row]] = {}
    for row in records(wrong[["label", "predicted", "image_id", "copy", "probabilities"]]):
        pairs.setdefault((row["label"], row["predicted"]), []).append(row)
    ordered = sorted(
        pairs.items(), key=lambda one: (-len(one[1]), -len(one[1]) / support[one[0][0]], one[0])
    )
    return [
        Mistake(label, predicted, len(rows), support[label], _examples(rows))
        for (label, predicted), rows in ordered[:MOST_PAIRS]
    ]


def pictured(cells: Iterable[Sequence[Mistake]]) -> Iterator[str]:
    """The image_ids that the pairs of all cells need, each once: first one of every cell's most
    mistaken pair, so that a limit on pictures takes the same from all."""
    own = [
        [pair.examples[turn].image_id for turn in range(MOST_EXAMPLES) for pair in pairs
         if turn < len(pair.examples)]
        for pairs in cells
    ]  # fmt: skip
    turns = (one for turn in zip_longest(*own) for one in turn if one is not None)
    return iter(dict.fromkeys(turns))


def _examples(rows: list[Row]) -> tuple[Mistaken, ...]:
    """An image's own picture before its copies; no image twice."""
    found = [
        Mistaken(row["image_id"], int(row["copy"]), float(max(row["probabilities"])))
        for row in rows
    ]
    found.sort(key=lambda one: (one.copy > 0, -one.confidence, one.image_id, one.copy))
    return tuple({one.image_id: one for one in reversed(found)}.values())[::-1][:MOST_EXAMPLES]
