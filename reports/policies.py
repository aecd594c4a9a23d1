"""What split policies score over the cells that all of them have, and how sure that is.

Cells of one policy test the same pictures, so that their mean is hardly surer than one of them.
Intervals are those of a single model on the different pictures tested, a group of duplicates
counted once: as if all cells erred on the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.run import Run
from reports.statistics import (
    Interval,
    LevelMean,
    difference_interval,
    level_means,
    share_interval,
)


@dataclass(frozen=True)
class Score:
    """One policy's mean accuracy over `cells` matched cells, and its difference from the first."""

    policy: str
    reference: str
    cells: int
    pictures: int  # different ones in its test parts; 0 where no split was recorded
    mean: float
    interval: Interval | None
    difference: float
    difference_interval: Interval | None


def policy_scores(run: Run, policies: Sequence[str], augmented: bool | None = None) -> list[Score]:
    """The scores of `policies`, in order, over the cells that are done under each; seeds and folds
    averaged. Nothing if there is no such cell.

    Args:
        augmented: take augmented cells only, or plain ones only, or (None) both.
    """
    cells = run.tables["cells"]
    if augmented is not None:
        cells = cells[cells["augmented"] == augmented]
    means = level_means(cells, "split_policy", policies)
    pictures = [_pictures(run, one, augmented) for one in means]
    return [_score(one, n, means[0], pictures[0]) for one, n in zip(means, pictures, strict=True)]


def _score(own: LevelMean, n: int, first: LevelMean, n_first: int) -> Score:
    return Score(
        policy=own.level,
        reference=first.level,
        cells=own.pairs,
        pictures=n,
        mean=own.mean,
        interval=share_interval(own.mean, n) if n else None,
        difference=own.mean - first.mean,
        difference_interval=(
            difference_interval(own.mean, n, first.mean, n_first) if n and n_first else None
        ),
    )


def _pictures(run: Run, one: LevelMean, augmented: bool | None) -> int:
    """Groups of images in the test parts of a policy."""
    splits, images = run.tables["splits"], run.tables["images"]
    tested = (splits["split_policy"] == one.level) & (splits["part"] == "test")
    tested &= splits["scenario"].isin(one.scenarios)
    if augmented is not None:
        tested &= splits["augmented"] == augmented
    own = splits.loc[tested, "image_id"].drop_duplicates()
    group = dict(zip(images["image_id"], images["group"], strict=True))
    return len({group.get(image_id, image_id) for image_id in own})
