"""Near-copies among the images, their quality, and the outlines by which labels are compared;
computed once per set of images."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.decoding.decode import DECODING_VERSION
from datasets.errors import DataError
from datasets.findings.labels import outline_features
from datasets.findings.quality import measure_quality
from datasets.lookalikes.near import NEAR_VERSION, find_near
from datasets.lookalikes.thumbnails import Thumbnails, collect_thumbnails
from datasets.pairs import pair_table
from sweeper.plan.descriptions import Descriptions, pictures_of
from sweeper.store.artifact import Target
from sweeper.store.records import parquet_bytes
from sweeper.store.store import Store


def near_pairs(root: str, images: pd.DataFrame, descriptions: Descriptions) -> pd.DataFrame:
    """The pairs of near-copies, `near.find_near` over the usable images."""
    data = _compared(root, images, descriptions, "pairs.parquet")
    return pair_table(pq.read_table(pa.BufferReader(data)).to_pandas().itertuples(index=False))


def outlines(root: str, images: pd.DataFrame, descriptions: Descriptions) -> np.ndarray:
    """(N, 512) `labels.outline_features` of the usable images, sorted by image_id."""
    data = _compared(root, images, descriptions, "outlines.npy")
    return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))


def quality(root: str, images: pd.DataFrame, descriptions: Descriptions) -> np.ndarray:
    """(N, 4) `quality.measure_quality` of the usable images, sorted by image_id."""
    data = _compared(root, images, descriptions, "quality.npy")
    return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))


def comparison(images: pd.DataFrame) -> Target:
    """A comparison of all pictures."""
    versions = [NEAR_VERSION, DECODING_VERSION]
    return Target("duplicates", {"versions": versions, "images": sorted(images["image_id"])})


def _compared(root: str, images: pd.DataFrame, descriptions: Descriptions, name: str) -> bytes:
    """One file of the artifact `duplicates`, which is stored if the store is writable."""
    store: Store = descriptions.store
    images = images.sort_values("image_id", ignore_index=True)
    target = comparison(images)
    if artifact := store.verified(*target.place):
        return store.read(artifact, name)
    files = _compare(images, _thumbnails(root, images, descriptions))
    if store.writable:
        with store.writing(*target.content) as folder:
            for file, data in files.items():
                store.write_file(f"{folder}/{file}", data)
    return files[name]


def _compare(images: pd.DataFrame, thumbnails: Thumbnails) -> dict[str, bytes]:
    return {
        "outlines.npy": _bytes(outline_features(thumbnails).astype(np.float16)),
        "quality.npy": _bytes(measure_quality(thumbnails)),
        "pairs.parquet": parquet_bytes(find_near(images, thumbnails)),
    }


def _bytes(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def _thumbnails(root: str, images: pd.DataFrame, descriptions: Descriptions) -> Thumbnails:
    """In the order of `images`."""
    row_of = {image_id: row for row, image_id in enumerate(images["image_id"])}
    found = (
        (row_of[image_id], pictures.thumbnail_pixels(), pictures.preview)
        for image_id, pictures in pictures_of(root, images, descriptions)
    )
    aspects = (images["width"] / images["height"]).to_list()
    try:
        return collect_thumbnails(found, aspects)
    except ValueError:
        raise DataError("images have changed since they were listed; run again") from None
