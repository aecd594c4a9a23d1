"""Choose the test images that are explained: of every class, correct and misclassified ones, and of
each kind not the surest but some of every confidence.

The choice is deterministic. The most confident images would flatter the network, and one picked by
hand may say anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

_PLACES = ("lower confidence", "median confidence", "higher confidence")


def choose_examples(predictions: pd.DataFrame, count: int, per_class: int = 0) -> pd.DataFrame:
    """The test rows that are explained, the most important first, with the reason in `chosen`.

    Within a class, correct rows and misclassified rows are each in an order that spreads over
    confidence: the median, the quartiles, the eighths, and so on. First up to `count` rows, half of
    these misclassified, no class twice while another has one left; then up to `per_class` of either
    kind of each class, without those already chosen.

    Args:
        predictions: columns image_id, copy, label, predicted, probabilities; index unique.
    """
    right = predictions["label"] == predictions["predicted"]
    sure = predictions.assign(confidence=predictions["probabilities"].map(max), is_right=right)
    groups = sure.sort_values(["confidence", "image_id", "copy"]).groupby(["is_right", "label"])
    ordered = [one for _, rows in groups for one in _over_confidence(rows)]
    sure = sure.loc[[index for index, _, _ in ordered]]
    sure["turn"] = [turn for _, turn, _ in ordered]
    sure["chosen"] = [place for _, _, place in ordered]
    wrong = _in_turn(sure[~sure["is_right"]])
    chosen = wrong[: count // 2]
    chosen += _in_turn(sure[sure["is_right"]])[: count - len(chosen)]
    chosen += [i for i in wrong if i not in chosen][: count - len(chosen)]
    of_class = list(sure[sure["turn"] < per_class].index)
    return sure.loc[chosen + [i for i in of_class if i not in chosen]].drop(
        columns=["turn", "is_right"]
    )


def _over_confidence(rows: pd.DataFrame) -> Iterator[tuple[Any, int, str]]:
    """(index, turn, reason) of rows of one kind, sorted by confidence; in the order of turns."""
    kind = "correct" if rows["is_right"].iloc[0] else "misclassified"
    middle = len(rows) // 2
    for turn, rank in enumerate(spread_ranks(len(rows))):
        place = _PLACES[1 + (rank > middle) - (rank < middle)]
        yield rows.index[rank], turn, f"{kind}, {place}"


def spread_ranks(count: int) -> list[int]:
    """0..count - 1 in an order each beginning of which is spread evenly: halves, quarters, eighths
    (van der Corput 1935)."""
    found: dict[int, None] = {}
    bits = count.bit_length()
    for number in range(1, 2**bits):
        mirrored = int(f"{number:0{bits}b}"[::-1], 2)
        found[mirrored * count >> bits] = None
    return list(found)


def _in_turn(rows: pd.DataFrame) -> list[Any]:
    """The index of the rows: one of each class before a second of any."""
    return list(rows.sort_values(["turn", "label"], kind="stable").index)
