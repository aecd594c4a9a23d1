"""The Parquet files of predictions at scale: their columns, and how they are written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs

from sweeper.store.commit import publish

SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("predicted", pa.string()),
        ("probability", pa.float32()),
        ("probabilities", pa.list_(pa.float32())),
        ("at_operating_point", pa.list_(pa.string())),
        ("distance", pa.float32()),
        ("unlike", pa.bool_()),
        ("known_path", pa.string()),
        ("known_part", pa.string()),
        ("problem", pa.string()),
    ]
)
_EMBEDDING = pa.field("embedding", pa.list_(pa.float32()))


@dataclass(frozen=True)
class ImageRow:
    """One image; all but `path` and `problem` are None for a file that cannot be read.

    `known_path` and `known_part` name the image of the run with the same bytes or pixels;
    `known_part` is "" if the cell does not use it.
    """

    path: str
    problem: str = ""
    predicted: str | None = None
    probability: float | None = None
    probabilities: Sequence[float] | None = None
    at_operating_point: Sequence[str] | None = None
    distance: float | None = None
    unlike: bool | None = None
    known_path: str | None = None
    known_part: str | None = None
    embedding: np.ndarray | None = None


def table_of(rows: Sequence[ImageRow], embeddings: bool) -> pa.Table:
    """The rows of one part."""
    schema = SCHEMA.append(_EMBEDDING) if embeddings else SCHEMA
    columns = {name: [getattr(row, name) for row in rows] for name in schema.names}
    return pa.table(columns, schema=schema)


def write_whole(data: bytes, path: str, filesystem: pafs.FileSystem) -> None:
    """Write a file that appears whole or not at all."""
    folder, _, name = path.rpartition("/")
    publish(filesystem, f"{folder}/.{name}.{os.getpid()}.tmp", path, data)
