"""Whether two runs ended with the same tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

MEASURED = ("wall_s", "train_s", "epoch_s", "images_per_s", "data_wait", "device")


def differing_tables(one: Path, other: Path) -> list[str]:
    """The tables of two `results` folders that are not equal, but for what was measured.

    Raises FileNotFoundError where `one` holds no table: nothing would be compared.
    """
    names = sorted({path.name for folder in (one, other) for path in folder.glob("*.parquet")})
    if not list(one.glob("*.parquet")):
        raise FileNotFoundError(f"{one}: no tables")
    return [name for name in names if not _equal(one / name, other / name)]


def _equal(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and _rows(one) == _rows(other)


def _rows(path: Path) -> list[str]:
    """Every row as text, in an order of its own."""
    frame = pd.read_parquet(path).drop(columns=[*MEASURED], errors="ignore")
    columns = sorted(frame.columns)
    return sorted(repr([_plain(value) for value in row]) for row in frame[columns].to_numpy())


def _plain(value: object) -> object:
    return value.tolist() if hasattr(value, "tolist") else value
