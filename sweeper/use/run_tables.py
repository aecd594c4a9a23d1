"""Read some of the tables of a finished run."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports.tables import SCHEMAS, read_tables
from sweeper.errors import StoreError
from sweeper.use.finished import FinishedRun


def read_run_tables(run: FinishedRun, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The tables by name; one that the run has not written is empty.

    Raises StoreError if one cannot be read.
    """
    try:
        schemas = {name: SCHEMAS[name] for name in names}
        return read_tables(run.folder / "results", schemas)
    except (OSError, ValueError) as error:  # written by another version, or not Parquet
        reason = " ".join(str(error).split())
        raise StoreError(f"run '{run.folder}': its tables cannot be read ({reason})") from None
