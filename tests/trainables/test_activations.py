"""Reading activation tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow.fs import LocalFileSystem

from tests.trainables.tables import opened, write_table
from trainables import activations
from trainables.activations import open_table

LOCAL = LocalFileSystem()


@pytest.mark.parametrize("parts", [1, 3])
def test_rows_are_found_in_any_order_and_repeatedly(parts: int, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(14, 3, 2)).astype(np.float32)
    rows = write_table(tmp_path / "t", values, parts)
    table = opened(tmp_path / "t")
    wanted = rows.sample(n=40, replace=True, random_state=1)
    numbers = table.find(wanted.assign(label=0))
    assert numbers.dtype == np.int64
    np.testing.assert_array_equal(table.gather(numbers), values[wanted.index])


@pytest.mark.parametrize("missing", [("99", 0), ("00", 2)])
def test_a_row_missing_from_the_table_is_an_error(missing: tuple[str, int], tmp_path: Path) -> None:
    rows = write_table(tmp_path / "t", np.zeros((6, 2), np.float32))
    wanted = pd.concat([rows, pd.DataFrame([missing], columns=["image_id", "copy"])])
    with pytest.raises(KeyError, match=missing[0]):
        opened(tmp_path / "t").find(wanted)


def test_parts_are_mapped_not_read(tmp_path: Path) -> None:
    write_table(tmp_path / "t", np.zeros((6, 2), np.float32))
    assert all(isinstance(part, np.memmap) for part in opened(tmp_path / "t")._parts)


def test_tables_stay_open_for_the_next_trial_but_not_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activations, "_open_tables", {})
    for number in range(6):
        write_table(tmp_path / str(number), np.zeros((4, 2), np.float32))
        table = open_table(str(tmp_path / str(number)), LOCAL)
        assert open_table(str(tmp_path / str(number)), LOCAL) is table
    assert len(activations._open_tables) == 4
