"""Detect shortcuts: image sizes and file types that predict the class.

Where a small decision tree predicts the class from these alone, a network may learn them in place
of the image content, and be right for a reason that does not generalise.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_MAX_IMAGES = 20_000  # more add no information, and take seconds
_FOLDS = 5
_MIN_SKILL = 0.2  # between chance (0) and always right (1): worth a warning from here on
_MIN_DEVIATIONS = 4.0  # from chance, in standard deviations of guessing


@dataclass(frozen=True)
class SizeGuess:
    """Balanced accuracy of predicting the class from size and file type, and that of chance."""

    accuracy: float
    chance: float
    groups: int

    @property
    def is_shortcut(self) -> bool:
        """Whether it is far above chance, in absolute terms and for this number of groups."""
        gain = self.accuracy - self.chance
        deviation = float(np.sqrt(self.chance * (1 - self.chance) / max(1, self.groups)))
        return gain >= _MIN_SKILL * (1 - self.chance) and gain >= _MIN_DEVIATIONS * deviation


def guess_from_size(images: pd.DataFrame) -> SizeGuess | None:
    """Predict every image's class from width, height and file type, cross-validated.

    Uses a decision tree of depth 4 on classes of `_FOLDS` groups or more; groups are kept whole, so
    that a copy does not give away its original.

    Args:
        images: columns path, class, group, width, height.

    Returns:
        None with fewer than two such classes.
    """
    groups = images.groupby("class")["group"].nunique()
    images = images[images["class"].isin(groups.index[groups >= _FOLDS])]
    if images["class"].nunique() < 2:
        return None
    if len(images) > _MAX_IMAGES:
        images = images.sample(_MAX_IMAGES, random_state=0)
    correct = _correct(_features(images), images["class"], images["group"])
    recalls = correct.groupby(images["class"]).mean()
    return SizeGuess(float(recalls.mean()), 1 / len(recalls), images["group"].nunique())


def _features(images: pd.DataFrame) -> NDArray[np.float64]:
    """(N, 3 + file types)."""
    suffix = images["path"].map(lambda path: PurePosixPath(path).suffix.lower())
    sizes = [images["width"], images["height"], images["width"] / images["height"]]
    kinds = [suffix == kind for kind in sorted(suffix.unique())]
    return np.column_stack([*sizes, *kinds]).astype(np.float64)


def _correct(features: NDArray[np.float64], label: pd.Series, group: pd.Series) -> pd.Series:
    """Whether each image's class is predicted by the tree that has not seen its group."""
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict  # takes a second
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_depth=4, min_samples_leaf=5, class_weight="balanced", random_state=0
    )
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    predicted = cross_val_predict(tree, features, label, groups=group, cv=folds)
    return pd.Series(predicted == label.to_numpy(), index=label.index)
