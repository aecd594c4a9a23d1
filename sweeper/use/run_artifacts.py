"""Find the artifacts that a chosen trial depends on."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sweeper.errors import StoreError
from sweeper.plan.trial_spec import TrialSpec
from sweeper.store.store import Artifact, Store, key_of
from sweeper.use.finished import FinishedRun
from trainables.activations import TABLES_VERSION


def images_of_run(run: FinishedRun) -> pd.DataFrame:
    """The usable images of a run: image_id, path, width, height, pixel_hash, group, problem.

    Sorted by image_id. Raises StoreError if the run's table of images cannot be read.
    """
    columns = ["image_id", "path", "width", "height", "pixel_hash", "group", "problem"]
    path = run.folder / "results" / "images.parquet"
    try:
        images = pd.read_parquet(path, columns=columns)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise StoreError(f"run '{run.folder}': its images cannot be read ({reason})") from None
    return images[images["problem"] == ""].sort_values("image_id", ignore_index=True)


def shards_of(spec: TrialSpec, store: Store) -> Artifact | None:
    """The image shards of the trial's rows, or None if they have been removed."""
    key = _shards_key(spec, store)
    return store.find("shards", key) if key else None


def pooled_of(spec: TrialSpec, store: Store) -> Artifact | None:
    """The pooled features of the trial's frozen backbone for all images, or None."""
    if spec.source == "pooled":
        return store.find("pooled", spec.table_key)
    shards = _shards_key(spec, store)
    if shards is None:
        return None
    made_from: dict[str, Any] = {
        "version": TABLES_VERSION,
        "shards": shards,
        "backbone": spec.backbone_key,
        "pooling": spec.pooling,
    }
    return store.find("pooled", key_of(made_from))


def _shards_key(spec: TrialSpec, store: Store) -> str | None:
    if spec.source == "shards":
        return spec.table_key
    table = store.find(spec.source, spec.table_key)
    return str(table.made_from["shards"]) if table else None
