"""Select doubtful labels: those outvoted by their neighbours beyond chance.

`labels.rank_labels` ranks all images, even where appearance does not predict the class. Here an
image is selected only if so many neighbours of one other class are improbable for any image of the
set.
"""

from math import comb, log
from typing import Any

import numpy as np
import pandas as pd

_ALPHA = 0.05  # family-wise error rate: any doubtful label in a set without wrong labels
_MAX_VOTERS = 50


def voters(images: pd.DataFrame) -> int:
    """The number of neighbours whose majority vote would be significant."""
    largest = images["class"].value_counts(normalize=True).max()
    needed = log(max(1, len(images)) / _ALPHA) / max(1e-9, -log(min(largest, 1 - 1e-9)))
    return min(_MAX_VOTERS, max(10, round(1.5 * needed)))


def doubtful_labels(ranked: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Select the images of `labels.rank_labels` whose neighbours outvote the label beyond chance.

    A group has one vote, that of its nearest image. By chance, votes are distributed as the images
    are among the classes; the binomial tail is Bonferroni-corrected for the number of images.

    Args:
        ranked: columns image_id, class, suggested, score, neighbours.
        images: columns image_id, class, group.

    Returns:
        Rows of `ranked` in their order, with the number of `votes` for the suggested class and of
        `voters`. Images of a class with fewer groups than voters are never selected, as their own
        class could not win the vote.
    """
    class_of = dict(zip(images["image_id"], images["class"], strict=True))
    group_of = dict(zip(images["image_id"], images["group"], strict=True))
    share = images["class"].value_counts(normalize=True).to_dict()
    counted = [_count(row, class_of, group_of) for row in ranked.itertuples(index=False)]
    table = ranked.assign(
        votes=[votes for votes, _ in counted], voters=[number for _, number in counted]
    )
    limit = _ALPHA / max(1, len(ranked))
    groups = images.groupby("class")["group"].nunique().to_dict()
    columns = zip(counted, ranked["suggested"], ranked["class"], strict=True)
    keep = [
        suggested != label
        and groups[label] > number
        and _tail(votes, number, share[suggested]) < limit
        for (votes, number), suggested, label in columns
    ]
    return table[np.array(keep, dtype=bool)].reset_index(drop=True)


def agreement(ranked: pd.DataFrame) -> float:
    """The share of images whose neighbours suggest their own class."""
    return float((ranked["suggested"] == ranked["class"]).mean()) if len(ranked) else 0.0


def _count(row: Any, class_of: dict[str, str], group_of: dict[str, str]) -> tuple[int, int]:
    """(votes for the suggested class, all votes)."""
    nearest: dict[str, str] = {}
    for neighbour in row.neighbours:
        nearest.setdefault(group_of[neighbour], class_of[neighbour])
    votes = list(nearest.values())
    return votes.count(row.suggested), len(votes)


def _tail(successes: int, trials: int, share: float) -> float:
    """P(X >= successes) of a binomial distribution."""
    return sum(
        comb(trials, k) * share**k * (1 - share) ** (trials - k)
        for k in range(successes, trials + 1)
    )
