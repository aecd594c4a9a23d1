"""From the configured source to a manifest, its duplicates and the scenarios' classes."""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.decoding.decode import DECODING_VERSION
from datasets.drawn.synthetic import SYNTHETIC_VERSION, write_synthetic
from datasets.duplicates import find_exact, with_groups
from datasets.errors import DataError
from datasets.findings.labels import NEIGHBOURS, outline_features, rank_labels
from datasets.groups import known_pairs
from datasets.layout.class_names import class_key, tidy_name
from datasets.layout.remarks import PATIENTS, Remark
from datasets.lookalikes.near import NEAR_VERSION, find_near
from datasets.lookalikes.thumbnails import read_thumbnails
from datasets.manifest import build_manifest, check_problems, manifest_hash, usable
from datasets.pairs import pair_table
from datasets.sources import Contents, read_folder
from datasets.zipped import ZIP_VERSION, is_zip, left_out, unpack
from sweeper.config.schema import ALL_CLASSES, DataSection
from sweeper.progress import Progress
from sweeper.store.address import is_remote
from sweeper.store.artifact import key_of
from sweeper.store.records import parquet_bytes
from sweeper.store.store import Artifact, Store
from sweeper.store.sums import FileSum
from trainables.machine_cache import MachineCopy, upload


@dataclass(frozen=True)
class Collection:
    """The images of a run. `manifest` has every file, `images` those that can be used.

    `root`: their folder on this machine. `remote`: where other machines have them from, if they lie
    in the store.
    """

    root: str
    manifest: pd.DataFrame
    images: pd.DataFrame
    duplicates: pd.DataFrame
    ungrouped: int = 0  # images of which `data.group_by` says nothing
    remote: MachineCopy | None = None
    remarks: tuple[Remark, ...] = ()  # on the folder, what is left out of it, and data.group_by

    @property
    def classes(self) -> list[str]:
        return sorted(self.images["class"].unique())

    @property
    def hash(self) -> str:
        return manifest_hash(self.manifest)


def collect(data: DataSection, store: Store, progress: Progress | None = None) -> Collection:
    """List, read and group the images. Raises DataError for what a user can mend."""
    progress = progress or Progress()
    with progress.during("draw or unpack images"):
        root, remote = images_of(data, store)
    own = [] if is_remote(store.address) else [os.path.realpath(store.root)]
    with progress.during("list images"):
        contents = contents_of(root, data, own)
    for remark in contents.remarks:
        if remark.kind == "one_class":
            raise DataError(f"data.path={data.path!r}: {remark.text}; {remark.advice}")
    manifest = read_images(root, contents, progress)
    check_problems(manifest, data.on_error)
    with progress.during("look for copies"):
        groups = find_groups(root, manifest, data, store)
    return replace(groups, remote=remote, remarks=(*remarks_on(contents, data), *groups.remarks))


def read_images(root: str, contents: Contents, progress: Progress) -> pd.DataFrame:
    """The manifest of the images below `root`."""
    with progress.during("read images", len(contents.files), "images"):
        return build_manifest(root, contents.files, on_progress=progress.reach)


def contents_of(root: str, data: DataSection, own: Sequence[str] = ()) -> Contents:
    """What is in the folder of the images; of a zip, also what was not unpacked.

    `own`: as for `read_folder`.
    """
    contents = read_folder(root, data.path, follow_links=data.follow_links, own=own)
    if data.source == "folder" and is_zip(str(data.path)):
        contents = replace(contents, others=[*contents.others, *left_out(str(data.path))])
    return contents


def remarks_on(contents: Contents, data: DataSection) -> tuple[Remark, ...]:
    """What is to be said of a folder; of patients nothing where `data.group_by` knows them."""
    known = {PATIENTS} if data.group_by else set()
    return tuple(remark for remark in contents.remarks if remark.kind not in known)


def images_of(data: DataSection, store: Store) -> tuple[str, MachineCopy | None]:
    """The folder of the images on this machine, and where other machines have it from, if it is of
    the store: what is drawn or unpacked lies there. Raises DataError for a zip that is no good."""
    if data.source == "folder" and not is_zip(str(data.path)):
        return str(data.path), None
    made_from = images_from(data)
    artifact = store.verified("images", key_of(made_from))
    if artifact is None:
        with (
            store.writing("images", made_from) as folder,
            upload(folder, store.filesystem) as local,
        ):
            if data.source == "synthetic":
                write_synthetic(local, **_drawing(data))
            else:
                unpack(str(data.path), local)
        artifact = store.get("images", key_of(made_from))
    images = MachineCopy(artifact.folder, store.filesystem)
    return os.fspath(images), images


def find_groups(root: str, manifest: pd.DataFrame, data: DataSection, store: Store) -> Collection:
    """The images of a manifest, with their duplicates and groups as `data` asks for them."""
    patients = manifest if data.use_patient_id else manifest.assign(patient="")
    known = known_pairs(patients, data.group_by, root)
    near = _near(root, usable(manifest), store) if data.near_duplicates else pair_table([])
    duplicates = pd.concat([find_exact(manifest), near, known.pairs], ignore_index=True)
    manifest = with_groups(manifest, duplicates)
    images = usable(manifest)
    return Collection(root, manifest, images, duplicates, known.unmatched, remarks=known.remarks)


def label_ranking(
    collection: Collection, store: Store, neighbours: int = NEIGHBOURS
) -> pd.DataFrame:
    """Which labels look doubtful, `labels.rank_labels` over the usable images."""
    artifact = _look(collection.root, collection.images, store)
    features = np.load(io.BytesIO(store.read(artifact, "outlines.npy")), allow_pickle=False)
    return rank_labels(collection.images.sort_values("image_id"), features, neighbours)


def _near(root: str, images: pd.DataFrame, store: Store) -> pd.DataFrame:
    artifact = _look(root, images, store)
    data = store.read(artifact, "pairs.parquet")
    return pair_table(pq.read_table(pa.BufferReader(data)).to_pandas().itertuples(index=False))


def _look(root: str, images: pd.DataFrame, store: Store) -> Artifact:
    """What comes of looking at all pictures, once for a set of images: near-copies, outlines."""
    images = images.sort_values("image_id", ignore_index=True)
    made_from = pictures_from(images)
    if artifact := store.verified("duplicates", key_of(made_from)):
        return artifact
    with store.writing("duplicates", made_from) as folder:
        thumbnails = read_thumbnails(root, list(images["path"]))
        outlines = io.BytesIO()
        np.save(outlines, outline_features(thumbnails).astype(np.float16))
        store.write_file(f"{folder}/outlines.npy", outlines.getvalue())
        pairs = find_near(images, thumbnails)
        store.write_file(f"{folder}/pairs.parquet", parquet_bytes(pairs))
    return store.get("duplicates", key_of(made_from))


def pictures_from(images: pd.DataFrame) -> dict[str, Any]:
    """What a look at all pictures is made from."""
    return {
        "versions": [NEAR_VERSION, DECODING_VERSION],
        "images": sorted(images["image_id"]),
    }


def images_from(data: DataSection) -> dict[str, Any]:
    """What the images in the store are made from: those that are drawn, or unpacked from a zip."""
    if data.source == "synthetic":
        return {"version": SYNTHETIC_VERSION, **_drawing(data)}
    return {"version": ZIP_VERSION, "zip": FileSum.of_file(Path(str(data.path))).sha256}


def _drawing(data: DataSection) -> dict[str, Any]:
    options = data.synthetic.model_dump()
    if not options["near_duplicate_fraction"]:
        del options["near_duplicate_fraction"]  # as it was before there were any
    return options


def resolve_scenarios(
    wanted: Sequence[str], scenarios: Mapping[str, Sequence[str]], classes: Sequence[str]
) -> dict[str, list[str]]:
    """The classes of each wanted scenario, spelled as the data spells them.

    A class is meant by its exact name, or else by another spelling of it (see `class_key`).
    Raises DataError for a class the data does not have, for a spelling that fits several, or for
    fewer than two classes.
    """
    resolved = {}
    for scenario in wanted:
        names = list(classes) if scenario == ALL_CLASSES else list(scenarios[scenario])
        spelled = [_class_of(scenario, name, classes) for name in names]
        resolved[scenario] = list(dict.fromkeys(spelled))
        if len(resolved[scenario]) < 2:
            raise DataError(f"scenario '{scenario}': a classifier needs at least two classes")
    return resolved


def _class_of(scenario: str, name: str, classes: Sequence[str]) -> str:
    if tidy_name(name) in classes:
        return tidy_name(name)
    alike = [one for one in classes if class_key(one) == class_key(name)]
    if not alike:
        raise DataError(_unknown_class(scenario, name, classes))
    if len(alike) > 1:
        raise DataError(
            f"scenario '{scenario}': '{name}' may be any of {', '.join(alike)}; give the exact name"
        )
    return alike[0]


def _unknown_class(scenario: str, name: str, classes: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, classes, 1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    return (
        f"scenario '{scenario}': the data has no class '{name}'{hint}; "
        f"its classes are {', '.join(classes)}"
    )
