"""The errors of a cell: its confusion matrix, and its most frequent confusions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from reports import wording
from reports.figures.confusion import confusion_matrix
from reports.mistakes import Mistake, most_mistaken

Counts = Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Example:
    """A misclassified image; `css` is the class that holds its picture, or empty."""

    css: str
    remark: str


@dataclass(frozen=True)
class Pair:
    """One class predicted as another."""

    label: str
    predicted: str
    share: str  # "5 of 12"
    examples: list[Example]


@dataclass(frozen=True)
class Errors:
    matrix: Markup
    pairs: list[Pair]


def errors_of(
    backbone: str,
    classes: Sequence[str],
    counts: Counts,
    predictions: pd.DataFrame,
    pictures: Mapping[str, str],
) -> Errors | None:
    """None for a cell without a test result. `pictures`: CSS class by image_id."""
    if not counts:
        return None
    return Errors(
        matrix=confusion_matrix(classes, counts, f"Confusion matrix of {backbone}"),
        pairs=[_pair(one, pictures) for one in most_mistaken(predictions)],
    )


def _pair(pair: Mistake, pictures: Mapping[str, str]) -> Pair:
    examples = [
        Example(
            css=pictures[one.image_id],
            remark=f"{wording.percent(one.confidence, 0)} % confidence"
            + (f", copy {one.copy}" if one.copy else ""),
        )
        for one in pair.examples
        if one.image_id in pictures
    ]
    return Pair(pair.label, pair.predicted, f"{pair.count} of {pair.of}", examples)
