"""The list of split policies: the names allowed in a config, how rows are made, and what the report
says of each follow from it.

A new policy is an entry here, and a line in docs/how-to/splits.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from datasets.errors import DataError
from datasets.splits import Drawing, fold_rows, split_rows
from datasets.splitting.division import Division
from datasets.splitting.given import given_rows
from datasets.splitting.split_file import SplitPoint, file_rows

MakeRows = Callable[[Division, Sequence[int]], list[pd.DataFrame]]


@dataclass(frozen=True)
class SplitPolicy:
    """A rule for dividing images into train, validation and test.

    Attributes:
        name: in configs and tables.
        meaning: what it does, in one line for the report.
        rows: the rows of a division for each of the folds asked for ([0] without folds), as
            `splits.split_rows` returns them.
        leak: why it scores higher than what it is compared with, as the end of a sentence.
        caveat: what a reader of its accuracy must know, a sentence; empty if nothing.
        leakier_than: policies that the report measures its leak against, the first one first.
        leak_free: whether a single leaked row means that something is broken.
        tests_copies: whether test rows are copies of images that training may see.
        divides: whether it divides the images itself, so that folds and repeats exist.
        needs: what a run must have for it: "" | "layers" | "file".
        mark: its mark in the figures: dot | square | diamond | ring.
    """

    name: str
    meaning: str
    rows: MakeRows
    leak: str = ""
    caveat: str = ""
    leakier_than: tuple[str, ...] = ()
    leak_free: bool = False
    tests_copies: bool = False
    divides: bool = True
    needs: str = ""
    mark: str = "dot"


def _drawn(drawing: Drawing) -> MakeRows:
    """Rows of a policy that draws units: by fractions, or one split for each fold."""

    def rows(asked: Division, folds: Sequence[int]) -> list[pd.DataFrame]:
        images, classes, seed, copies = asked.images, asked.classes, asked.seed, asked.copies
        if not asked.folds:
            fractions = asked.fractions
            return [
                split_rows(images, classes, drawing, seed=seed, copies=copies, fractions=fractions)
            ]
        every = fold_rows(images, classes, drawing, seed=seed, copies=copies, folds=asked.folds)
        return [every[fold - 1] for fold in folds]

    return rows


def _given(asked: Division, folds: Sequence[int]) -> list[pd.DataFrame]:
    return [
        given_rows(
            asked.images,
            asked.classes,
            seed=asked.seed,
            copies=asked.copies,
            fractions=asked.fractions,
        )
    ]


def _from_file(asked: Division, folds: Sequence[int]) -> list[pd.DataFrame]:
    file = asked.file
    if file is None:
        raise DataError("split.policies: file needs split.file, a file with a part per image")
    return [
        file_rows(
            file.table,
            file.path,
            asked.images,
            asked.classes,
            SplitPoint(
                asked.scenario,
                asked.repeat,
                fold,
                asked.folds,
                asked.augmented,
                asked.augmentation,
            ),
            seed=asked.seed,
            copies=asked.copies,
            fractions=asked.fractions,
            unlisted=file.unlisted,
        )
        for fold in folds
    ]


_GROUPED, _STRATIFIED, _POOLED = (
    Drawing("grouped", by_group=True),
    Drawing("stratified"),
    Drawing("pooled", copies_apart=True),
)

_BY_TRUST = (
    SplitPolicy(
        name="grouped",
        meaning="duplicates, near-duplicates and the user's groups are kept together",
        rows=_drawn(_GROUPED),
        leak_free=True,
    ),
    SplitPolicy(
        name="file",
        meaning="each image's part is read from a file",
        rows=_from_file,
        needs="file",
    ),
    SplitPolicy(
        name="given",
        meaning="the data's own train, validation and test parts",
        rows=_given,
        leak="because it leaks, and because its test images are different ones",
        leakier_than=("grouped",),
        divides=False,
        needs="layers",
        mark="square",
    ),
    SplitPolicy(
        name="stratified",
        meaning="images are split by class; only training images are augmented",
        rows=_drawn(_STRATIFIED),
        leak="because duplicates and group mates of its test images are in the training set",
        leakier_than=("grouped",),
        mark="diamond",
    ),
    SplitPolicy(
        name="pooled",
        meaning="images are augmented before the split, so test images have copies in training",
        rows=_drawn(_POOLED),
        leak="because of leakage, not skill",
        caveat=(
            "Copies of the same image are in both the training and the test set, so this accuracy "
            "does not apply to new patients."
        ),
        leakier_than=("grouped", "stratified", "given"),
        tests_copies=True,
        mark="ring",
    ),
)

POLICIES: dict[str, SplitPolicy] = {policy.name: policy for policy in _BY_TRUST}
"""By name, the most trustworthy first: the order of the report, and what others are measured
against."""

DRAWN: dict[str, Drawing] = {one.name: one for one in (_POOLED, _STRATIFIED, _GROUPED)}
"""The policies that draw the parts at random."""


def describe_policies(names: Iterable[str]) -> list[dict[str, Any]]:
    """All that the report says of these policies, the most trustworthy first."""
    wanted = set(names)
    found = [asdict(policy) for policy in _BY_TRUST if policy.name in wanted]
    return [{key: value for key, value in one.items() if key != "rows"} for one in found]
