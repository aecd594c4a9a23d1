"""Locate the images of a run: the user's folder, or one in the store with drawn images or those of
a zip file, a bucket, a table or tar files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from datasets.containers.image_files import LABELS
from datasets.drawn.synthetic import SYNTHETIC_VERSION, write_synthetic
from datasets.errors import DataError
from datasets.file_sums import FileSum
from datasets.labels.labelled_folder import read_labelled_folder
from datasets.layout.remarks import PATIENTS, Remark
from datasets.sources import Contents, read_folder
from datasets.stored_folder import StoredFolder
from datasets.zipped import ZIP_VERSION, is_zip, left_out, unpack
from sweeper.config.schema import DataSection
from sweeper.plan.brought import bring, origin_of
from sweeper.progress import Progress
from sweeper.store.artifact import Target
from sweeper.store.store import Artifact, Store
from sweeper.store.sums import sums_of_folder
from trainables.machine_cache import MachineCopy, upload


@dataclass(frozen=True)
class ImageSource:
    """`root`: the folder on this machine. What else there is, for images in the store:

    remote: where other machines read them. place: kind and key of the artifact. sums: the checksums
    of its files, by path. labels: the table of their classes, for images that came with one, and
    `label` its column, if it is not called label or class. others: names of files left out.
    """

    root: str
    remote: StoredFolder | None = None
    place: tuple[str, str] | None = None
    sums: Mapping[str, FileSum] = field(default_factory=dict)
    labels: str | None = None
    label: str | None = None
    others: Sequence[str] = ()


def find_source(data: DataSection, store: Store, progress: Progress) -> ImageSource:
    """The folder of the images; draws, unpacks or brings them if needed. Raises DataError for a
    place that cannot be read, or a zip file that cannot be unpacked."""
    if data.source == "synthetic":
        options = _drawing(data)
        target = Target("images", {"version": SYNTHETIC_VERSION, **options})
        return _made(target, store, progress, lambda folder: write_synthetic(folder, **options))
    path = str(data.path)
    if is_zip(path):
        zipped = FileSum.of_file(Path(path)).sha256
        target = Target("images", {"version": ZIP_VERSION, "zip": zipped})
        source = _made(target, store, progress, lambda folder: unpack(path, folder))
        return replace(source, others=left_out(path))
    origin = origin_of(data, store)
    if data.image_column and (origin is None or origin.kind in ("folder", "zip")):
        raise DataError(
            f"data.image_column={data.image_column!r}: data.path={path!r} has image files and no "
            "columns; remove it"
        )
    if origin is None:
        return ImageSource(path)
    return _stored(bring(origin, data, store, progress), store)


def _made(
    target: Target, store: Store, progress: Progress, write: Callable[[Path], None]
) -> ImageSource:
    """The images of an artifact, which `write` makes in a local folder if it is not there."""
    artifact = store.verified(*target.place)
    if artifact is None:
        with (
            progress.during("draw or unpack images"),
            store.writing(*target.content) as folder,
            upload(folder, store.filesystem) as local,
        ):
            write(local)
            store.add_sums(folder, sums_of_folder(local))
        artifact = store.get(*target.place)
    return _stored(artifact, store)


def _stored(artifact: Artifact, store: Store) -> ImageSource:
    root = os.fspath(MachineCopy(artifact.folder, store.filesystem))
    files = artifact.files or {}
    return ImageSource(
        root,
        StoredFolder(artifact.folder, store.filesystem),
        (artifact.kind, artifact.key),
        files,
        os.path.join(root, LABELS) if LABELS in files else None,
        artifact.info.get("label"),
        [
            f"file{suffix}"
            for suffix, count in artifact.info.get("others", {}).items()
            for _ in range(count)
        ],
    )


def contents_of(source: ImageSource, data: DataSection, own: Sequence[str] = ()) -> Contents:
    """The content of the folder of images, with its classes from folder names, from the table
    `data.labels` or from that which the images came with; including files that are not in it
    because they are not images.

    `own`: as for `read_folder`.
    """
    if labels := data.labels or source.labels:
        contents = read_labelled_folder(
            source.root,
            labels,
            label=data.label or (None if data.labels else source.label),
            unmatched=data.labels_unmatched,
            called=data.path,
            setting=None if data.labels else f"data.path={data.path!r}",
            follow_links=data.follow_links,
            own=own,
        )
    elif data.label:
        raise DataError(
            f"data.label={data.label!r}: class folders have no columns; remove it, or name the "
            "table of the classes by data.labels"
        )
    else:
        contents = read_folder(source.root, data.path, follow_links=data.follow_links, own=own)
    return replace(contents, others=[*contents.others, *source.others])


def remarks_on(contents: Contents, data: DataSection) -> tuple[Remark, ...]:
    """The remarks on a folder; none on patients if `data.group_by` identifies them."""
    known = {PATIENTS} if data.group_by else set()
    return tuple(remark for remark in contents.remarks if remark.kind not in known)


def _drawing(data: DataSection) -> dict[str, Any]:
    options = data.synthetic.model_dump()
    if not options["near_duplicate_fraction"]:
        del options["near_duplicate_fraction"]  # as it was before there were any
    return options
