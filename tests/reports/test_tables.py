"""Tables are written exactly as agreed, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from reports.tables import CELL, SCHEMAS, read_tables, write_table

LEAK = {
    "split_policy": "pooled",
    "scenario": "1",
    "repeat": 1,
    "fold": 0,
    "augmented": True,
    "augmentation": "fec-ige",
    "split_key": "ab12",
    "part": "test",
    "rows": 594,
    "leaked": 593,
    "same_image": 590,
    "exact": 3,
    "near": 0,
    "user": 0,
    "group": 0,
}


def _attribution(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(SCHEMAS["attributions"].names)
    row |= {"map": np.array([0.5, -1.5, 0.0, 2.0], dtype=np.float32), "image": b"\x00webp"}
    return (
        row | {"height": 2, "width": 2, "augmented": np.bool_(True), "seed": np.int64(3)} | changes
    )


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_an_empty_table_keeps_its_columns_and_types(tmp_path: Path, name: str) -> None:
    path = write_table(tmp_path, name, [])
    assert pq.read_schema(path).equals(SCHEMAS[name])
    assert list(read_tables(tmp_path)[name].columns) == SCHEMAS[name].names


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    row = {name: value for name, value in LEAK.items() if name not in ("leaked", "repeat")}
    with pytest.raises(ValueError, match="missing leaked, repeat"):
        write_table(tmp_path, "leaks", [LEAK, row])
    assert not list(tmp_path.iterdir())


def test_an_unknown_column_is_named(tmp_path: Path) -> None:
    row = {"split_policy": "grouped", "cells": 1, "mean": 0.0, "low": 0.0, "high": 0.0}
    with pytest.raises(ValueError, match="unknown surprise"):
        write_table(tmp_path, "optimism", pd.DataFrame([row | {"surprise": 1}]))


def test_a_further_kind_of_leak_is_a_column_and_every_row_has_it(tmp_path: Path) -> None:
    write_table(tmp_path, "leaks", [LEAK | {"further": 3}])
    assert list(read_tables(tmp_path)["leaks"]["further"]) == [3]
    with pytest.raises(ValueError, match="missing further"):
        write_table(tmp_path, "leaks", [LEAK | {"further": 3}, LEAK])


def test_an_unknown_table_is_refused_with_the_valid_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'leak': expected one of cells, trials"):
        write_table(tmp_path, "leak", [LEAK])


def test_a_value_of_the_wrong_type_names_table_and_column(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="table 'leaks', column 'rows'"):
        write_table(tmp_path, "leaks", [LEAK | {"rows": "many"}])
    with pytest.raises(ValueError, match="column 'leaked'"):
        write_table(tmp_path, "leaks", [LEAK | {"leaked": 1.5}])


def test_rows_and_frames_write_the_same_bytes_whatever_the_column_order(tmp_path: Path) -> None:
    rows = [LEAK, dict(reversed(LEAK.items()))]
    one = write_table(tmp_path / "rows", "leaks", rows).read_bytes()
    two = write_table(tmp_path / "frame", "leaks", pd.DataFrame(rows)).read_bytes()
    assert one == two


def test_a_failed_cell_comes_back_with_gaps_and_not_with_zeros(tmp_path: Path) -> None:
    row = dict.fromkeys(SCHEMAS["cells"].names)
    row |= {"state": "failed", "accuracy": float("nan"), "error": "boom"}
    write_table(tmp_path, "cells", [row])
    cell = read_tables(tmp_path)["cells"].iloc[0]
    assert np.isnan(cell["accuracy"])
    assert np.isnan(cell["n_test"])
    assert cell["champion"] is None
    assert cell["error"] == "boom"


def test_maps_and_pictures_survive_the_round_trip_exactly(tmp_path: Path) -> None:
    write_table(tmp_path, "attributions", [_attribution()])
    frame = read_tables(tmp_path)["attributions"]
    assert frame["map"][0].dtype == np.float32
    assert list(frame["map"][0]) == [0.5, -1.5, 0.0, 2.0]
    assert frame["image"][0] == b"\x00webp"
    write_table(tmp_path / "again", "attributions", frame)
    assert read_tables(tmp_path / "again")["attributions"]["image"][0] == b"\x00webp"


def test_a_foreign_file_under_a_tables_name_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "leaks.parquet")
    with pytest.raises(ValueError, match="table 'leaks': columns missing"):
        read_tables(tmp_path)


def test_every_per_cell_table_starts_with_the_cells_name() -> None:
    for name in ("cells", "trials", "predictions", "confusion", "attributions"):
        assert tuple(SCHEMAS[name].names[: len(CELL)]) == CELL
