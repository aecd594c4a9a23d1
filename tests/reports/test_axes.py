"""The axes: one list that cells, tables and names follow from."""

import pytest

from reports.axes import (
    AXES,
    AXIS,
    CELL_COLUMNS,
    FACTORS,
    SPLIT_AXES,
    TRAININGS,
    Axis,
    Role,
    cell_name,
    configuration_name,
)
from reports.tables import CELL
from sweeper.config.axes import entries_of
from sweeper.config.load import load_config

EVERY = pytest.mark.parametrize("axis", AXES, ids=[axis.name for axis in AXES])
ROW = {
    "split_policy": "grouped",
    "backbone": "vgg16",
    "weights": "imagenet",
    "scenario": "all",
    "augmentation": "fec-ige",
    "augmented": True,
    "strategy": "transfer",
    "recipe": "paper",
    "seed": 0,
    "repeat": 1,
    "fold": 0,
}


@EVERY
def test_a_configuration_lists_its_entries(axis: Axis) -> None:
    assert len(entries_of(load_config("smoke"), axis.key)) >= 1


@EVERY
def test_its_columns_name_cells_in_every_table(axis: Axis) -> None:
    assert set(axis.columns) <= set(CELL)
    assert tuple(CELL_COLUMNS) == CELL


@EVERY
def test_it_is_a_block_a_factor_or_a_training(axis: Axis) -> None:
    assert (axis.name in TRAININGS) == (axis.role is Role.TRAINING)
    assert (axis.name in FACTORS) == (axis.role is not Role.TRAINING)


def test_what_divides_the_images_is_an_axis() -> None:
    assert set(SPLIT_AXES) <= set(AXIS)


def test_a_number_in_a_configuration_counts_from_one() -> None:
    config = load_config("smoke", ["split.repeats=2", "split.folds=3"])
    assert list(entries_of(config, AXIS["repeat"].key)) == [1, 2]
    assert list(entries_of(config, AXIS["fold"].key)) == [1, 2, 3]
    assert list(entries_of(load_config("smoke"), AXIS["fold"].key)) == [0]


def test_names_are_made_of_the_entries_and_leave_out_the_only_training() -> None:
    assert cell_name(ROW) == "grouped/vgg16/all/fec-ige/transfer/seed0"
    other = ROW | {"repeat": 2, "fold": 3}
    assert cell_name(other) == "grouped/vgg16/all/fec-ige/transfer/seed0/repeat2/fold3"
    assert configuration_name(other) == "vgg16/imagenet/fec-ige/transfer"
