"""Area under the ROC curve with its error: DeLong et al. (1988), rows in clusters as in Obuchowski
(1997)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from reports.statistics.outcomes import Outcomes


@dataclass(frozen=True)
class Area:
    """An AUROC, and what each row adds to its sampling error."""

    value: float
    influence: np.ndarray  # (n,), sums to zero
    smaller: int  # groups on the smaller of the two sides


def one_vs_rest(outcomes: Outcomes, label: int) -> Area | None:
    """Of one class against the others; None where the rows lack a side."""
    positive = outcomes.labels == label
    ahead, behind = int(positive.sum()), int((~positive).sum())
    if not ahead or not behind:
        return None
    scores = outcomes.probabilities[:, label]
    rank = rankdata(scores)
    within = np.empty(len(scores))
    within[positive], within[~positive] = rankdata(scores[positive]), rankdata(scores[~positive])
    # the share of the other side that a row beats (or, of a negative, is beaten by)
    beats = np.where(positive, (rank - within) / behind, 1 - (rank - within) / ahead)
    value = float(beats[positive].mean())
    influence = (beats - value) / np.where(positive, ahead, behind)
    sides = [len(np.unique(outcomes.groups[side])) for side in (positive, ~positive)]
    return Area(value, influence, min(sides))


def weighted(outcomes: Outcomes) -> Area | None:
    """The mean over the classes, weighted by their rows; of two classes the second's own. None
    where the rows lack a class."""
    if outcomes.classes == 2:
        return one_vs_rest(outcomes, 1)
    areas = [one_vs_rest(outcomes, label) for label in range(outcomes.classes)]
    found = [area for area in areas if area is not None]
    if len(found) < outcomes.classes:
        return None
    n = len(outcomes.labels)
    shares = np.bincount(outcomes.labels, minlength=outcomes.classes) / n
    values = np.array([area.value for area in found])
    value = float(shares @ values)
    influence = sum(share * area.influence for share, area in zip(shares, found, strict=True))
    influence = influence + (values[outcomes.labels] - value) / n
    return Area(value, influence, min(area.smaller for area in found))
