"""The list of axes: what an experiment varies, each a column of every table that names a cell.

The grid crosses the entries that a configuration lists for each axis (`key`). A cell's identity,
name and columns follow from this list, and so do the effects and the filters of the page. An axis
with one entry costs a constant column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pyarrow as pa

NO_AUGMENTATION = "none"
"""The entry of `augmentation` that trains on the images alone."""


PAPER_RECIPE = "paper"
"""The entry of `recipe` that trains as published."""


class Role(Enum):
    """How the levels of an axis are compared with each other."""

    BLOCK = "block"  # another question: levels are reported side by side, never as a finding
    FACTOR = "factor"  # a choice of the user's: its levels are compared
    TRAINING = "training"  # the same configuration once more: levels are averaged


@dataclass(frozen=True)
class Implied:
    """A column that an entry of an axis determines. If `matched`, cells are only compared with
    cells that have the same value."""

    name: str
    type: pa.DataType
    matched: bool = False


@dataclass(frozen=True)
class Axis:
    """One axis. `key`: the configuration key that lists its entries; a number n stands for 1..n."""

    name: str
    title: str
    key: str
    role: Role
    type: pa.DataType = field(default_factory=pa.string)
    reference: str = ""  # the entry that the others are compared with, where it is in the grid
    titles: Mapping[str, str] = field(default_factory=dict)  # of entries, in the page's order
    implied: tuple[Implied, ...] = ()
    unnamed: str = ""  # the entry that a cell's name leaves out, as before there was this axis

    @property
    def columns(self) -> dict[str, pa.DataType]:
        """Its own column and those that its entries imply."""
        return {self.name: self.type, **{one.name: one.type for one in self.implied}}

    def text(self, entry: Any) -> str:
        """An entry as the page names it."""
        return self.titles.get(str(entry), str(entry))

    def part_of_name(self, entry: Any) -> str:
        """An entry in a cell's name, `seed0`; empty for a training that is the only one, and for
        the entry that goes without saying."""
        if self.role is not Role.TRAINING:
            return str(entry) if entry != self.unnamed else ""
        is_alone = (self.name, entry) in (("repeat", 1), ("fold", 0))
        return "" if is_alone else f"{self.name}{entry}"


AXES: tuple[Axis, ...] = (
    Axis("split_policy", "split policy", "split.policies", Role.BLOCK),
    Axis(
        "backbone",
        "backbone",
        "grid.backbones",
        Role.FACTOR,
        implied=(Implied("weights", pa.string(), matched=True),),
    ),
    Axis("scenario", "scenario", "grid.scenarios", Role.BLOCK),
    Axis(
        "augmentation",
        "augmentation",
        "grid.augmentations",
        Role.FACTOR,
        reference=NO_AUGMENTATION,
        titles={NO_AUGMENTATION: "not augmented", "fec-ige": "augmented"},
        implied=(Implied("augmented", pa.bool_()),),
    ),
    Axis(
        "strategy",
        "strategy",
        "grid.strategies",
        Role.FACTOR,
        reference="transfer",
        titles={
            "knn": "k nearest neighbours",
            "linear": "linear probe",
            "transfer": "transfer",
            "finetune": "fine-tuned",
        },
    ),
    Axis(
        "recipe",
        "recipe",
        "grid.recipes",
        Role.FACTOR,
        reference=PAPER_RECIPE,
        titles={PAPER_RECIPE: "recipe of the paper", "modern": "modern recipe"},
        unnamed=PAPER_RECIPE,
    ),
    Axis("seed", "training seed", "grid.seeds", Role.TRAINING, pa.int64()),
    Axis("repeat", "repeat", "split.repeats", Role.TRAINING, pa.int64()),  # another division
    Axis("fold", "fold", "split.folds", Role.TRAINING, pa.int64()),  # 1..k; 0 without folds
)

AXIS: Mapping[str, Axis] = {axis.name: axis for axis in AXES}

CELL_COLUMNS: Mapping[str, pa.DataType] = {
    name: kind for axis in AXES for name, kind in axis.columns.items()
}
"""The columns that name a cell, in every table that has one row or more for each cell."""

TRAININGS: tuple[str, ...] = tuple(axis.name for axis in AXES if axis.role is Role.TRAINING)
"""The columns in which the trainings of one configuration differ."""

FACTORS: tuple[str, ...] = tuple(
    name
    for axis in AXES
    if axis.role is not Role.TRAINING
    for name in (axis.name, *(column.name for column in axis.implied if column.matched))
)
"""The columns in which cells that are compared agree, but for the one whose levels are compared."""

TRAINING_CHOICES: tuple[Axis, ...] = tuple(
    sorted(
        (axis for axis in AXES if axis.role is Role.FACTOR and axis.name != "backbone"),
        key=lambda axis: axis.name != "strategy",  # the page names it first
    )
)
"""The axes that say how a backbone is trained."""

SPLIT_AXES: tuple[str, ...] = ("split_policy", "scenario", "repeat", "fold", "augmentation")
"""The axes that decide which rows a cell trains on and is tested on."""


def cell_name(row: Mapping[str, Any]) -> str:
    """`grouped/resnet50/all/none/transfer/seed0`: a cell's name, from its entries."""
    parts = (axis.part_of_name(row[axis.name]) for axis in AXES)
    return "/".join(part for part in parts if part)


def training_choices(row: Mapping[str, Any]) -> tuple[str, ...]:
    """How a cell's backbone was trained: its entries of `TRAINING_CHOICES`."""
    return tuple(row[axis.name] for axis in TRAINING_CHOICES)


def describe_training(row: Mapping[str, Any]) -> str:
    """'fine-tuned, augmented'; of further axes the entries that are not the reference."""
    named = ("strategy", "augmentation")
    return ", ".join(
        axis.text(row[axis.name])
        for axis in TRAINING_CHOICES
        if axis.name in named or row[axis.name] != axis.reference
    )


def configuration_name(row: Mapping[str, Any]) -> str:
    """`resnet50/imagenet/none/transfer`: a configuration within its split policy and scenario."""
    parts = []
    for axis in AXES:
        if axis.role is Role.FACTOR:
            parts += [axis.part_of_name(row[axis.name])]
            parts += [str(row[column.name]) for column in axis.implied if column.matched]
    return "/".join(filter(None, parts))
