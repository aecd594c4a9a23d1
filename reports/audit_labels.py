"""Select the labels to check first, each with the images most similar to it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from reports.run import Row, records

MOST_LABELS = 12
NEIGHBOURS_SHOWN = 4


def first_labels(labels: pd.DataFrame) -> list[Row]:
    """The first rows of the table `labels`: the doubtful ones, then the highest scores."""
    suggested = labels[labels["suggested"] != labels["class"]]
    ordered = suggested.sort_values(
        ["doubtful", "score", "path"], ascending=[False, False, True], ignore_index=True
    )
    return records(ordered.head(MOST_LABELS))


def pictures(labels: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """The image_ids that each of these rows needs."""
    for row in first_labels(labels):
        yield (row["image_id"], *row["neighbours"][:NEIGHBOURS_SHOWN])
