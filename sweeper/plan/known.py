"""What is known of the images beside their class: columns of the table of labels, DICOM headers."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.layout.file_kinds import PLAIN_SUFFIXES, suffix_of
from datasets.manifest import content_hash
from datasets.metadata.dicom_tags import TAGS, TAGS_VERSION, tags_of
from datasets.metadata.table import Metadata, metadata_of
from datasets.sources import Known
from sweeper.store.artifact import Target
from sweeper.store.records import parquet_bytes
from sweeper.store.store import Store

KIND = "tags"
_WORKERS = 8
_FILE = "tags.parquet"
_NO_HEADER = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif"}


@dataclass(frozen=True)
class Found:
    """The metadata, and the kind and key of the artifacts that it comes from."""

    metadata: Metadata
    artifacts: tuple[tuple[str, str], ...] = ()


def known_of(root: str, images: pd.DataFrame, known: Known, store: Store) -> Found:
    """The metadata of the usable images.

    Headers are read once for a set of files: they are kept in the store, if it is writable.
    """
    columns = known.metadata.reindex(images["path"]).set_index(images["image_id"]).fillna("")
    tags, artifacts = _tags(root, images, store)
    if not tags.empty:
        columns = columns.join(tags, how="left").fillna("")
    return Found(metadata_of(columns), artifacts)


def _tags(
    root: str, images: pd.DataFrame, store: Store
) -> tuple[pd.DataFrame, tuple[tuple[str, str], ...]]:
    """The columns of `TAGS` by image_id; empty if no image may be DICOM."""
    may_have = ~images["path"].map(suffix_of).isin(_NO_HEADER | (PLAIN_SUFFIXES - {""}))
    asked = images[may_have].sort_values("image_id")
    if asked.empty:
        return pd.DataFrame(), ()
    contents = sorted({content_hash(one) for one in asked["image_id"]})
    target = Target(KIND, {"version": TAGS_VERSION, "contents": contents})
    if artifact := store.verified(*target.place):
        kept = pq.read_table(pa.BufferReader(store.read(artifact, _FILE))).to_pandas()
        return _by_image(asked, kept.set_index("content_hash")), (target.place,)
    read = _read(root, asked)
    if store.writable:
        with store.writing(*target.content) as folder:
            rows = read.rename_axis("content_hash").reset_index()
            store.write_file(f"{folder}/{_FILE}", parquet_bytes(rows))
    return _by_image(asked, read), (target.place,)


def _read(root: str, asked: pd.DataFrame) -> pd.DataFrame:
    """The tags of files that are DICOM, by content hash."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        found = list(pool.map(lambda path: tags_of(Path(root, path)), asked["path"]))
    rows: dict[str, Mapping[str, str]] = {
        content_hash(image_id): tags
        for image_id, tags in zip(asked["image_id"], found, strict=True)
        if tags is not None
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(TAGS), dtype=object)


def _by_image(asked: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    ids = [one for one in asked["image_id"] if content_hash(one) in tags.index]
    return tags.loc[[content_hash(one) for one in ids]].set_axis(ids) if ids else pd.DataFrame()
