"""Which labels are doubtful enough to say so: outvoted by their neighbours beyond chance.

`labels.rank_labels` orders all images, also those of a set in which looks say nothing of the class.
Here an image counts only if chance would hardly ever put so many neighbours of one other class
around any image of the set.
"""

from math import comb, log
from typing import Any

import numpy as np
import pandas as pd

_ALPHA = 0.05  # of a whole set without a wrong label, the chance that one is called doubtful
_MOST_VOTERS = 50


def voters(images: pd.DataFrame) -> int:
    """How many neighbours must be asked so that most of them agreeing would say something."""
    largest = images["class"].value_counts(normalize=True).max()
    needed = log(max(1, len(images)) / _ALPHA) / max(1e-9, -log(min(largest, 1 - 1e-9)))
    return min(_MOST_VOTERS, max(10, round(1.5 * needed)))


def doubtful_labels(ranked: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Of `labels.rank_labels`, the images whose neighbours outvote their label beyond chance.

    A group has one vote, that of its nearest image. By chance a vote is for a class as often as
    the class has images; the binomial tail is corrected for the number of images (Bonferroni).

    Args:
        ranked: columns image_id, class, suggested, score, neighbours.
        images: columns image_id, class, group.

    Returns:
        Rows of `ranked` in their order, with `votes` for the suggested class and `voters`, how
        many there were. A class of fewer groups than voters cannot speak up for its own images,
        and none of them is called doubtful.
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
        suggested != own and groups[own] > number and _tail(votes, number, share[suggested]) < limit
        for (votes, number), suggested, own in columns
    ]
    return table[np.array(keep, dtype=bool)].reset_index(drop=True)


def agreement(ranked: pd.DataFrame) -> float:
    """The share of images whose neighbours suggest the class they have: what looks are worth."""
    return float((ranked["suggested"] == ranked["class"]).mean()) if len(ranked) else 0.0


def _count(row: Any, class_of: dict[str, str], group_of: dict[str, str]) -> tuple[int, int]:
    """(votes for the suggested class, votes in all)."""
    nearest: dict[str, str] = {}
    for neighbour in row.neighbours:
        nearest.setdefault(group_of[neighbour], class_of[neighbour])
    votes = list(nearest.values())
    return votes.count(row.suggested), len(votes)


def _tail(successes: int, trials: int, share: float) -> float:
    """P(X >= successes) of a binomial."""
    return sum(
        comb(trials, k) * share**k * (1 - share) ** (trials - k)
        for k in range(successes, trials + 1)
    )
