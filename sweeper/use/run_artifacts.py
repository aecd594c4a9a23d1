"""Find the artifacts that a chosen trial depends on."""

from __future__ import annotations

import pandas as pd

from sweeper.errors import StoreError
from sweeper.plan.artifacts import table
from sweeper.plan.trial_spec import TrialSpec
from sweeper.store.store import Artifact, Store
from sweeper.use.finished import FinishedRun


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
    """The image shards that the trial's rows come from, or None where they are gone."""
    return store.find("shards", spec.shards_key)


def pooled_of(spec: TrialSpec, store: Store) -> Artifact | None:
    """The pooled features of the trial's frozen backbone over all images; None where there are
    none."""
    settings = {"pooling": spec.settings["pooling"]}
    return store.find(*table("pooled", spec.shards_key, spec.backbone_key, settings).place)
