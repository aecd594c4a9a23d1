"""Predictions in the store: a trial's of its validation rows, a champion's of its test rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sweeper.plan.artifacts import evaluation
from sweeper.plan.trial_spec import TrialSpec
from sweeper.store.store import Artifact, Store

PREDICTIONS = "predictions.parquet"


def predictions_of(rows: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """The predictions of rows of a split: image_id, copy, label, predicted, probabilities.

    `scores`: (N, classes) probabilities, stored as float32.
    """
    return rows[["image_id", "copy", "label"]].assign(
        predicted=scores.argmax(1), probabilities=list(scores.astype(np.float32))
    )


def read_predictions(store: Store, spec: TrialSpec) -> pd.DataFrame:
    """A champion's stored test predictions."""
    return _read(store, store.get(*evaluation(spec).place))


def read_validation(store: Store, spec: TrialSpec) -> pd.DataFrame:
    """The same for a finished trial's validation rows."""
    return _read(store, store.get("trials", spec.key))


def _read(store: Store, artifact: Artifact) -> pd.DataFrame:
    data = store.read(artifact, PREDICTIONS)
    predictions: pd.DataFrame = pq.read_table(pa.BufferReader(data)).to_pandas()
    return predictions
