"""Whether two runs ended with the same tables, but for what no two runs share."""

from pathlib import Path

import pandas as pd

from reports.tables import read_tables

MEASURED = ("wall_s", "train_s", "images_per_s", "data_wait", "epoch_s")  # times and speeds


def assert_same_tables(one: Path, other: Path) -> None:
    """Every table of the run `one` is the run `other`'s."""
    found = read_tables(other / "results")
    for name, table in read_tables(one / "results").items():
        same = [column for column in table.columns if column not in MEASURED]
        pd.testing.assert_frame_equal(found[name][same], table[same])
