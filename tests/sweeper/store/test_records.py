"""Splits and trial records, written and read."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sweeper.store.artifact import Target
from sweeper.store.records import read_record, read_split, split_target, write_record, write_split
from sweeper.store.store import Store

DRAW = {"lr": 0.1, "batch_size": 4, "hidden": [8]}
TARGET = Target("trials", DRAW)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def split() -> pd.DataFrame:
    rows = [("a", 0, "train", 1), ("a", 1, "train", 1), ("b", 0, "val", 0), ("c", 0, "test", 1)]
    return pd.DataFrame(rows, columns=["image_id", "copy", "part", "label"])


def stored(store: Store, rows: pd.DataFrame) -> str:
    """The key of a split that is now in the store."""
    target = split_target(rows)
    write_split(store, target, rows)
    return target.key


def test_a_split_is_read_as_written(store: Store) -> None:
    key = stored(store, split())
    pd.testing.assert_frame_equal(read_split(store, key), split(), check_dtype=False)


def test_the_same_rows_in_another_order_are_the_same_split(store: Store) -> None:
    key = stored(store, split())
    assert stored(store, split().sample(frac=1, random_state=3)) == key


@pytest.mark.parametrize(
    ("column", "value"), [("part", "train"), ("copy", 5), ("label", 0), ("image_id", "d")]
)
def test_another_row_is_another_split(store: Store, column: str, value: object) -> None:
    other = split()
    other.loc[3, column] = value
    keys = stored(store, split()), stored(store, other)
    assert keys[0] != keys[1]
    assert [read_split(store, key).loc[3, column] for key in keys] == [split()[column][3], value]


def test_an_existing_split_is_not_written_again(store: Store) -> None:
    folder = store.get("splits", stored(store, split())).folder
    assert store.get("splits", stored(store, split())).folder == folder


def epoch(number: int, accuracy: float, loss: float) -> dict[str, Any]:
    return {"epoch": number, "val_accuracy": accuracy, "val_score": accuracy} | {
        "val_loss": loss,
        "epoch_s": 0.5,
    }


def record(store: Store, curve: list[dict[str, Any]], state: str = "done") -> dict[str, Any]:
    write_record(
        store, TARGET, state, curve, cell="cell", draw=2, hyperparameters=DRAW, error="why"
    )
    folder = store.get(*TARGET.place).folder
    fields: dict[str, Any] = json.loads(store.read_file(f"{folder}/record.json"))
    return fields


def test_the_best_epoch_is_by_accuracy_then_loss_then_order(
    store: Store,
) -> None:
    curve = [epoch(1, 0.5, 0.1), epoch(2, 0.8, 0.9), epoch(3, 0.8, 0.4), epoch(4, 0.8, 0.4)]
    written = record(store, curve)
    assert (written["best_epoch"], written["val_accuracy"]) == (3, 0.8)


def test_a_record_has_the_hyperparameters_and_the_outcome(store: Store) -> None:
    written = record(store, [epoch(1, 0.5, 0.1), epoch(2, 0.4, 0.1)], "stopped")
    assert written["hyperparameters"] == DRAW
    assert (written["state"], written["error"], written["wall_s"]) == ("stopped", "why", 1.0)
    assert store.get(*TARGET.place).info == {"state": "stopped"}


def test_a_trial_without_an_epoch_has_no_best_one(store: Store) -> None:
    written = record(store, [], "failed")
    assert (written["best_epoch"], written["val_accuracy"], written["curve"]) == (None, None, [])


def test_a_later_record_replaces_a_failure(store: Store) -> None:
    record(store, [], "failed")
    assert record(store, [epoch(1, 0.5, 0.1)])["state"] == "done"


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_a_finished_trial_is_not_replaced_by_an_unfinished_one(store: Store, state: str) -> None:
    record(store, [epoch(1, 0.5, 0.1)])
    assert record(store, [], state)["state"] == "done"


def test_a_damaged_record_counts_as_missing_and_can_be_replaced(store: Store) -> None:
    record(store, [epoch(1, 0.5, 0.1)])
    key = TARGET.key
    path = f"{store.get('trials', key).folder}/record.json"
    store.write_file(path, store.read_file(path).replace(b"done", b"gone"))
    assert read_record(store, key) is None
    assert record(store, [], "failed")["state"] == "failed"
