"""What tells the class without a look at the picture: its size and its file type.

Where a small tree guesses the class from these alone, a network may learn them in place of what the
picture shows, and be right for a reason that holds nowhere else.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_MOST_IMAGES = 20_000  # more tell no more, and take seconds
_FOLDS = 5
_SKILL = 0.2  # of the way from chance to always right: from here on it is worth a warning
_DEVIATIONS = 4.0  # and so far from chance, in standard deviations of guessing


@dataclass(frozen=True)
class SizeGuess:
    """How often size and file type alone tell the class: balanced accuracy, and that of chance."""

    accuracy: float
    chance: float
    groups: int

    @property
    def is_shortcut(self) -> bool:
        """Far above chance, in itself and for so many images."""
        better = self.accuracy - self.chance
        deviation = float(np.sqrt(self.chance * (1 - self.chance) / max(1, self.groups)))
        return better >= _SKILL * (1 - self.chance) and better >= _DEVIATIONS * deviation


def guess_from_size(images: pd.DataFrame) -> SizeGuess | None:
    """Guess every image's class from width, height and file type, cross-validated.

    A decision tree of depth 4; groups are kept whole, so that a copy does not tell its original.

    Args:
        images: columns path, class, group, width, height.

    Returns:
        None with fewer than two classes of `_FOLDS` groups and more, which are all that is used.
    """
    groups = images.groupby("class")["group"].nunique()
    images = images[images["class"].isin(groups.index[groups >= _FOLDS])]
    if images["class"].nunique() < 2:
        return None
    if len(images) > _MOST_IMAGES:
        images = images.sample(_MOST_IMAGES, random_state=0)
    right = _right(_measures(images), images["class"], images["group"])
    of_class = right.groupby(images["class"]).mean()
    return SizeGuess(float(of_class.mean()), 1 / len(of_class), images["group"].nunique())


def _measures(images: pd.DataFrame) -> NDArray[np.float64]:
    """(N, 3 + file types)."""
    suffix = images["path"].map(lambda path: PurePosixPath(path).suffix.lower())
    sizes = [images["width"], images["height"], images["width"] / images["height"]]
    kinds = [suffix == kind for kind in sorted(suffix.unique())]
    return np.column_stack([*sizes, *kinds]).astype(np.float64)


def _right(measures: NDArray[np.float64], label: pd.Series, group: pd.Series) -> pd.Series:
    """Whether each image's class is guessed by the tree that has not seen its group."""
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict  # takes a second
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_depth=4, min_samples_leaf=5, class_weight="balanced", random_state=0
    )
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    guessed = cross_val_predict(tree, measures, label, groups=group, cv=folds)
    return pd.Series(guessed == label.to_numpy(), index=label.index)
