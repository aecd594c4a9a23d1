"""The table `metadata`: what is known of each image, in levels, without what identifies people."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from datasets.layout.folder_names import named
from datasets.layout.remarks import Remark
from datasets.metadata.levels import levels_of
from datasets.metadata.private import may_identify

COLUMNS = ("image_id", "column", "level", "position", "number", "binning")


@dataclass(frozen=True)
class Metadata:
    """`rows`: the columns `COLUMNS`, one row for each image and column; `remarks`: what is not
    kept."""

    rows: pd.DataFrame
    remarks: tuple[Remark, ...] = ()


def no_metadata() -> Metadata:
    """Of images of which nothing more is known."""
    return Metadata(pd.DataFrame(columns=list(COLUMNS)))


def metadata_of(columns: pd.DataFrame) -> Metadata:
    """Put columns of texts into levels.

    Args:
        columns: a text an image, "" where there is none; indexed by image_id.

    Returns:
        Rows sorted by column and image_id. `level` is "" and `position` -1 where a value is
        missing; `number` is NaN but for numeric columns. Columns that may identify people, and
        empty ones, are left out; the remarks name them.
    """
    columns = columns.sort_index()
    frames, private, empty = [], [], []
    for name in sorted(columns, key=str):
        values = [str(value) for value in columns[name]]
        found = levels_of(str(name), values)
        known = [value for value, at in zip(values, found.of, strict=True) if at >= 0]
        if not found.names:
            empty.append(str(name))
        elif may_identify(str(name), known):
            private.append(str(name))
        else:
            frames.append(
                pd.DataFrame(
                    {
                        "image_id": columns.index,
                        "column": str(name),
                        "level": [found.names[at] if at >= 0 else "" for at in found.of],
                        "position": found.of,
                        "number": found.numbers or [float("nan")] * len(columns),
                        "binning": found.binning,
                    }
                )
            )
    rows = pd.concat(frames, ignore_index=True) if frames else no_metadata().rows
    return Metadata(rows, tuple(_remarks(private, empty)))


def _remarks(private: list[str], empty: list[str]) -> list[Remark]:
    found = []
    if private:
        text = f"metadata {_columns(private)}: may identify people or single images"
        found.append(Remark("metadata", text))
    if empty:
        found.append(Remark("metadata", f"metadata {_columns(empty)}: no value"))
    return found


def _columns(names: list[str]) -> str:
    return f"{'column' if len(names) == 1 else 'columns'} {named(names, 10)}"
