"""Write and read the small artifacts of the store: trial records and splits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sweeper.errors import DamagedError
from sweeper.store.artifact import Target
from sweeper.store.store import Store
from trainables.criterion import rank

SPLIT_VERSION = 1


def write_record(
    store: Store,
    target: Target,
    state: str,
    curve: Sequence[Mapping[str, Any]],
    *,
    cell: str,
    draw: int,
    hyperparameters: Mapping[str, Any],
    error: str = "",
    wall_s: float = 0.0,
    best_epoch: int | None = None,
    images_per_s: float | None = None,
    data_wait: float | None = None,
    device: str = "",
    arithmetic: Mapping[str, Any] | None = None,
    workers: int = 1,
    candidates: Sequence[Mapping[str, Any]] = (),
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Store a trial that is `done`, `stopped` or `failed`. A later record takes its place, but a
    finished trial stays: another run that shares the store may have had more luck."""
    if state != "done" and done_record(store, target.key):
        return
    best = best_epoch or _best_epoch(curve)
    record = {
        "cell": cell,
        "draw": draw,
        "state": state,
        "hyperparameters": dict(hyperparameters),
        "curve": list(curve),
        "best_epoch": best,
        "val_accuracy": curve[best - 1]["val_accuracy"] if best else None,
        "wall_s": wall_s or sum(row["epoch_s"] for row in curve),
        "images_per_s": images_per_s,
        "data_wait": data_wait,
        "device": device,
        "arithmetic": arithmetic and dict(arithmetic),
        "workers": workers,
        "error": error,
        **({"candidates": list(candidates)} if candidates else {}),
    }
    with store.writing(*target.content, {"state": state}) as folder:
        for name, data in (files or {}).items():
            store.write_file(f"{folder}/{name}", data)
        store.write_file(f"{folder}/record.json", json.dumps(record).encode())


def read_record(store: Store, key: str) -> dict[str, Any] | None:
    """A trial's record, or None if it is missing or damaged."""
    artifact = store.find("trials", key)
    try:
        record = json.loads(store.read(artifact, "record.json")) if artifact else None
    except DamagedError:
        return None
    return record and {**record, "curve": [_scored(row) for row in record["curve"]]}


def _scored(row: dict[str, Any]) -> dict[str, Any]:
    """An epoch with its score. Before there were scores, accuracy decided."""
    return row if "val_score" in row else {**row, "val_score": row["val_accuracy"]}


def done_record(store: Store, key: str) -> dict[str, Any] | None:
    """The record of a trial that is done, or None."""
    record = read_record(store, key)
    return record if record and record["state"] == "done" else None


def validation_of(record: Mapping[str, Any]) -> tuple[float, float]:
    """Validation score and loss of the best epoch of a record that has a curve."""
    best = record["curve"][record["best_epoch"] - 1]
    return best["val_score"], best["val_loss"]


def _best_epoch(curve: Sequence[Mapping[str, Any]]) -> int | None:
    best = max(curve, key=lambda row: rank(row["val_score"], row["val_loss"]), default=None)
    return best["epoch"] if best else None


def split_target(rows: pd.DataFrame) -> Target:
    """The artifact of a split: `image_id`, `copy`, `part`, `label` (int), in any order of rows."""
    content = hashlib.sha256(_sorted(rows).to_csv(index=False).encode()).hexdigest()
    return Target("splits", {"version": SPLIT_VERSION, "rows": content})


def write_split(store: Store, target: Target, rows: pd.DataFrame) -> None:
    """Store a split unless it is there. `target`: the `split_target` of its rows."""
    if store.verified(*target.place) is None:
        with store.writing(*target.content) as folder:
            store.write_file(f"{folder}/rows.parquet", parquet_bytes(_sorted(rows)))


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(["image_id", "copy"], ignore_index=True)


_splits: dict[str, pd.DataFrame] = {}


def read_split(store: Store, key: str) -> pd.DataFrame:
    """Read a split; the last one is cached for this process's next trial."""
    if key not in _splits:
        data = store.read(store.get("splits", key), "rows.parquet")
        _splits.clear()
        _splits[key] = pq.read_table(pa.BufferReader(data)).to_pandas()
    return _splits[key]


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    return table_bytes(pa.Table.from_pandas(frame, preserve_index=False))


def table_bytes(table: pa.Table) -> bytes:
    """The bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data
