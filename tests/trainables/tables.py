"""Activation tables written by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pyarrow.fs import LocalFileSystem

from trainables.activations import ActivationTable


def write_table(folder: Path, values: np.ndarray, parts: int = 1) -> pd.DataFrame:
    """Write `values` (rows, ...) as a table of images "00", "01", ... with two copies each.

    Returns image_id and copy in the order of `values`. The index is in another order.
    """
    folder.mkdir(parents=True)
    rows = pd.DataFrame(
        {
            "image_id": [f"{i // 2:02d}" for i in range(len(values))],
            "copy": np.arange(len(values), dtype=np.int32) % 2,
        }
    )
    places: list[tuple[str, int]] = []
    chunks: Sequence[np.ndarray] = np.array_split(values, parts)
    for number, chunk in enumerate(chunks):
        name = f"part-{parts - number}.npy"
        np.save(folder / name, chunk)
        places += [(name, offset) for offset in range(len(chunk))]
    index = rows.assign(part=[p for p, _ in places], offset=[o for _, o in places])
    index.sample(frac=1, random_state=0).to_parquet(folder / "index.parquet", index=False)
    return rows


def opened(folder: Path) -> ActivationTable:
    return ActivationTable(str(folder), LocalFileSystem())
