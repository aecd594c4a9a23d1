"""Test accuracy and balanced accuracy of a contender, with intervals over groups of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.statistics.bootstrap import generator, group_weights

_DRAWS = 2000
_LEVELS = (0.025, 0.975)


@dataclass(frozen=True)
class Score:
    """A metric and the percentile interval of the bootstrap over groups."""

    value: float
    low: float
    high: float


def scores(tested: pd.DataFrame, reference: pd.DataFrame | None = None) -> dict[str, Score]:
    """`accuracy` and `balanced_accuracy` of test images: columns label, predicted, group.

    With `reference`, another contender's predictions of the same images in the same order: the
    paired differences to it.
    """
    groups, of_row = np.unique(tested["group"].to_numpy(), return_inverse=True)
    weights = group_weights(len(groups), generator("peers"), _DRAWS)[:, of_row]  # (draws, rows)
    weights = np.vstack([np.ones(len(tested)), weights])
    found = {}
    for name, metric in (("accuracy", _accuracy), ("balanced_accuracy", _balanced)):
        values = metric(tested, weights)
        if reference is not None:
            values = values - metric(reference, weights)
        low, high = np.nanquantile(values[1:], _LEVELS)
        found[name] = Score(float(values[0]), float(low), float(high))
    return found


def _accuracy(tested: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    right = (tested["label"] == tested["predicted"]).to_numpy(float)
    accuracy: np.ndarray = weights @ right / weights.sum(1)
    return accuracy


def _balanced(tested: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """The mean recall of the classes that a draw contains."""
    labels = tested["label"].to_numpy()
    right = (tested["label"] == tested["predicted"]).to_numpy(float)
    members = np.stack([labels == one for one in np.unique(labels)], axis=1).astype(float)
    with np.errstate(invalid="ignore"):
        recalls = (weights * right) @ members / (weights @ members)
    mean: np.ndarray = np.nanmean(recalls, axis=1)
    return mean
