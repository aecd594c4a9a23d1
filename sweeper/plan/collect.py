"""Collect the images of a run: list and describe them, find duplicates, form groups."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

import pandas as pd

from datasets.duplicates import find_exact, with_groups
from datasets.errors import DataError
from datasets.findings.labels import NEIGHBOURS, rank_labels
from datasets.findings.quality import PoorImages, poor_images
from datasets.groups import known_pairs
from datasets.layout.remarks import Remark
from datasets.manifest import check_problems, manifest_hash, usable
from datasets.metadata.table import no_metadata
from datasets.pairs import pair_table
from datasets.sources import Known
from datasets.stored_folder import StoredFolder
from sweeper.config.schema import DataSection
from sweeper.plan.descriptions import Descriptions
from sweeper.plan.image_source import contents_of, find_source, remarks_on
from sweeper.plan.known import known_of
from sweeper.plan.lookalikes import near_pairs, outlines, quality
from sweeper.plan.reading import read_images
from sweeper.progress import Progress
from sweeper.store.address import is_remote
from sweeper.store.store import Store


@dataclass(frozen=True)
class Collection:
    """The images of a run. `manifest` has every file, `images` those that can be used.

    `root`: their folder on this machine. `remote`: where other machines read them, if they are in
    the store, and `place`: kind and key of their artifact there. `artifacts`: kind and key of those
    that hold the results of decoding. `metadata`: what is known of the usable images, as
    `metadata.table.Metadata.rows`.
    """

    root: str
    manifest: pd.DataFrame
    images: pd.DataFrame
    duplicates: pd.DataFrame
    ungrouped: int = 0  # images of which neither `data.group_by` nor a column group says anything
    remote: StoredFolder | None = None
    place: tuple[str, str] | None = None
    remarks: tuple[Remark, ...] = ()  # on the folder, what is left out of it, and data.group_by
    artifacts: tuple[tuple[str, str], ...] = ()
    metadata: pd.DataFrame = field(default_factory=lambda: no_metadata().rows)

    @property
    def classes(self) -> list[str]:
        return sorted(self.images["class"].unique())

    @property
    def hash(self) -> str:
        return manifest_hash(self.manifest)


def collect(
    data: DataSection,
    store: Store,
    progress: Progress | None = None,
    one_class: bool = False,
) -> Collection:
    """List, read and group the images; decodes only files that are new to the store.

    `one_class`: whether images of a single class will do, as they do for a test set.

    Works with a read-only store, unless images have to be drawn, unpacked or brought. Raises
    DataError for problems that a user can fix.
    """
    progress = progress or Progress()
    source = find_source(data, store, progress)
    own = [] if is_remote(store.address) else [os.path.realpath(store.root)]
    with progress.during("list images"):
        contents = contents_of(source, data, own)
    for remark in contents.remarks:
        if remark.kind == "one_class" and not one_class:
            raise DataError(f"data.path={data.path!r}: {remark.text}; {remark.advice}")
    descriptions = Descriptions(store)
    read = read_images(source, contents, descriptions, progress)
    check_problems(read.manifest, data.on_error)
    with progress.during("look for copies"):
        groups = find_groups(source.root, read.manifest, data, descriptions, contents.known)
    found = known_of(source.root, groups.images, contents.known, store)
    remarks = (*remarks_on(contents, data), *groups.remarks, *found.metadata.remarks)
    return replace(
        groups,
        remote=source.remote,
        place=source.place,
        remarks=remarks,
        artifacts=(*read.artifacts, *found.artifacts),
        metadata=found.metadata.rows,
    )


def find_groups(
    root: str,
    manifest: pd.DataFrame,
    data: DataSection,
    descriptions: Descriptions,
    known: Known,
) -> Collection:
    """The images of a manifest, with their duplicates and groups as `data` asks for them and as a
    table of labels states them."""
    patients = manifest if data.use_patient_id else manifest.assign(patient="")
    declared = known_pairs(patients, data.group_by, root, known.groups)
    near = pair_table([])
    if data.near_duplicates:
        near = near_pairs(root, usable(manifest), descriptions)
    duplicates = pd.concat([find_exact(manifest), near, declared.pairs], ignore_index=True)
    manifest = with_groups(manifest, duplicates)
    images = usable(manifest)
    return Collection(
        root,
        manifest,
        images,
        duplicates,
        declared.unmatched,
        remarks=declared.remarks,
    )


def label_ranking(
    collection: Collection, descriptions: Descriptions, neighbours: int = NEIGHBOURS
) -> pd.DataFrame:
    """Which labels look doubtful, `labels.rank_labels` over the usable images."""
    features = outlines(collection.root, collection.images, descriptions)
    return rank_labels(collection.images.sort_values("image_id"), features, neighbours)


def poor(collection: Collection, descriptions: Descriptions) -> list[PoorImages]:
    """Which images are poor, `quality.poor_images` of the usable images."""
    images = collection.images.sort_values("image_id")
    return poor_images(images, quality(collection.root, images, descriptions))
