"""The tables that tasks store of a champion: predictions of corrupted images, checks of maps."""

from __future__ import annotations

import io

import pandas as pd
import pyarrow.parquet as pq

from sweeper.store.store import Artifact, Store

CORRUPTED, CHECKS = "corrupted.parquet", "checks.parquet"


def read_corrupted(store: Store, artifact: Artifact) -> pd.DataFrame:
    """Columns corruption, severity, image_id, label, predicted, probabilities."""
    return _read(store, artifact, CORRUPTED)


def read_checks(store: Store, artifact: Artifact) -> pd.DataFrame:
    """Columns image_id, method, check, against, value, reference."""
    return _read(store, artifact, CHECKS)


def _read(store: Store, artifact: Artifact, name: str) -> pd.DataFrame:
    table: pd.DataFrame = pq.read_table(io.BytesIO(store.read(artifact, name))).to_pandas()
    return table
