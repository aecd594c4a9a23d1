"""Area under the ROC curve with its error: DeLong et al. (1988), rows in clusters as in Obuchowski
(1997)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
    # the share of the other side that a row beats (or, of a negative, is beaten by), ties half
    beats = np.empty(len(scores))
    beats[positive] = _share_below(scores[positive], scores[~positive])
    beats[~positive] = 1 - _share_below(scores[~positive], scores[positive])
    value = float(beats[positive].mean())
    influence = (beats - value) / np.where(positive, ahead, behind)
    sides = [len(np.unique(outcomes.groups[side])) for side in (positive, ~positive)]
    return Area(value, influence, min(sides))


def weighted(outcomes: Outcomes, areas: Sequence[Area | None]) -> Area | None:
    """The mean of the classes' `areas`, weighted by their rows; of two classes the second's own.
    None where the rows lack a class."""
    found = [area for area in areas if area is not None]
    if len(found) < outcomes.classes:
        return None
    if outcomes.classes == 2:
        return found[1]
    n = len(outcomes.labels)
    shares = np.bincount(outcomes.labels, minlength=outcomes.classes) / n
    values = np.array([area.value for area in found])
    value = float(shares @ values)
    parts = np.stack([area.influence for area in found], axis=1)
    influence = parts @ shares + (values[outcomes.labels] - value) / n
    return Area(value, influence, min(area.smaller for area in found))


def unweighted(outcomes: Outcomes, areas: Sequence[Area | None]) -> Area | None:
    """The same with every class counting the same; for two classes the two agree."""
    found = [area for area in areas if area is not None]
    if len(found) < outcomes.classes:
        return None
    value = float(np.mean([area.value for area in found]))
    influence = np.mean([area.influence for area in found], axis=0)
    return Area(value, np.asarray(influence), min(area.smaller for area in found))


def _share_below(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each of `scores`, the share of `others` below it, ties counted half."""
    ordered = np.sort(others)
    below, upto = (np.searchsorted(ordered, scores, side) for side in ("left", "right"))
    return np.asarray((below + upto) / (2 * len(others)))
