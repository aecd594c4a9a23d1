"""What a split policy is asked for: one division of a scenario's images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from datasets.splitting.split_file import read_split_file


@dataclass(frozen=True)
class SplitFile:
    """A file with the parts of images, read once.

    Attributes:
        path: a local .csv or .parquet file.
        policy: the `split_policy` to take, of a file that has several.
        unlisted: "stop" or "leave_out": what to do with images that it does not list.
    """

    path: str
    policy: str | None = None
    unlisted: str = "stop"

    @cached_property
    def table(self) -> pd.DataFrame:
        """As `split_file.read_split_file` returns it."""
        return read_split_file(self.path, self.policy)


@dataclass(frozen=True)
class Division:
    """One division of the images of a scenario, with or without folds.

    Attributes:
        images: columns image_id, class, group, origin; one row per usable image.
        scenario, classes: its name and its class names.
        repeat: 1..r, which of several divisions.
        augmented: whether the cells train on augmented copies.
        augmentation: the name of the augmentation; empty where it is not known.
        seed: of the drawing.
        copies: augmented copies per image (K); 0 where not augmented.
        fractions: train, validation, test; without folds.
        folds: 0: none.
        file: the split file, where the run has one.
    """

    images: pd.DataFrame
    scenario: str
    classes: Sequence[str]
    repeat: int
    augmented: bool
    seed: int
    copies: int
    augmentation: str = ""
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    folds: int = 0
    file: SplitFile | None = None
