"""Which classes a cell takes for which, and the test images that show it.

The same choice decides which pictures are kept for the page (`pictured`) and which it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import pandas as pd

from reports.run import Row, records

MOST_PAIRS = 3
MOST_EXAMPLES = 2


@dataclass(frozen=True)
class Mistaken:
    """A test row that is taken for another class. `confidence`: the probability given to it."""

    image_id: str
    copy: int
    confidence: float


@dataclass(frozen=True)
class Mistake:
    """One class taken for another: `count` of the `of` test rows of class `label`."""

    label: str
    predicted: str
    count: int
    of: int
    examples: tuple[Mistaken, ...]


def most_mistaken(predictions: pd.DataFrame) -> list[Mistake]:
    """The pairs of classes that one cell confuses most, by rows, then by share of the class.

    `predictions`: the cell's rows of that table, at least its columns image_id, copy, label,
    predicted and probabilities. Examples are different images, the surest mistakes first.
    """
    support = predictions["label"].value_counts()
    wrong = predictions[predictions["label"] != predictions["predicted"]]
    pairs = [
        (str(label), str(predicted), rows)
        for (label, predicted), rows in wrong.groupby(["label", "predicted"], sort=True)
    ]
    pairs.sort(key=lambda one: (-len(one[2]), -len(one[2]) / support[one[0]]))
    return [
        Mistake(label, predicted, len(rows), int(support[label]), _examples(records(rows)))
        for label, predicted, rows in pairs[:MOST_PAIRS]
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
