"""Activation tables: the outputs of a frozen network, computed once per image.

A table is a folder of `part-*.npy` files, (rows, ...) each, and an `index.parquet` that maps
(image_id, copy) to rows. Trials memory-map the parts, so all processes of a machine share one copy
and a table may be larger than memory.

A backbone has two tables (`extraction.py`): `pooled` (R, C) float32 for transfer learning, and
`prefix` (R, C, h, w), float16 by default, for fine-tuning.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.fs as pafs

from trainables.machine_cache import Check, local_copy

TABLES_VERSION = 2


class ActivationTable:
    """A table opened for reading: row numbers for (image_id, copy), arrays for row numbers."""

    def __init__(
        self, folder: str, filesystem: pafs.FileSystem, check: Check | None = None
    ) -> None:
        local = local_copy(folder, filesystem, check)
        index = pd.read_parquet(local / "index.parquet")
        names = sorted(index["part"].unique())
        self._parts = [np.load(local / name, mmap_mode="r", allow_pickle=False) for name in names]
        self._part = index["part"].map({n: i for i, n in enumerate(names)}).to_numpy()
        self._offset = index["offset"].to_numpy()
        self._row = pd.Series(
            np.arange(len(index)), index=pd.MultiIndex.from_frame(index[["image_id", "copy"]])
        )
        self.shape = self._parts[0].shape[1:]
        self.dtype = self._parts[0].dtype

    def __len__(self) -> int:
        return len(self._row)

    def find(self, rows: pd.DataFrame) -> np.ndarray:
        """Row numbers (n,) int64 of the columns image_id and copy; KeyError if any is missing."""
        wanted = pd.MultiIndex.from_frame(rows[["image_id", "copy"]])
        return self._row.loc[wanted].to_numpy(dtype=np.int64)

    def gather(self, numbers: np.ndarray) -> np.ndarray:
        """Read rows by number (n,): (n, ...) in the table's dtype."""
        out = np.empty((len(numbers), *self.shape), self.dtype)
        part = self._part[numbers]
        for i in np.unique(part):
            in_part = np.flatnonzero(part == i)
            out[in_part] = self._parts[i][self._offset[numbers[in_part]]]
        return out


_open_tables: dict[str, ActivationTable] = {}
_MAX_OPEN = 4


def open_table(
    folder: str, filesystem: pafs.FileSystem, check: Check | None = None
) -> ActivationTable:
    """Open a table, and keep it open for the next trials of this process.

    `check` verifies the local copy of a remote table.
    """
    if folder not in _open_tables:
        while len(_open_tables) >= _MAX_OPEN:
            _open_tables.pop(next(iter(_open_tables)))
        _open_tables[folder] = ActivationTable(folder, filesystem, check)
    return _open_tables[folder]
