"""Locate the images of a run: the user's folder, or one in the store with drawn images or those of
a zip file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from datasets.drawn.synthetic import SYNTHETIC_VERSION, write_synthetic
from datasets.file_sums import FileSum
from datasets.labels.labelled_folder import read_labelled_folder
from datasets.layout.remarks import PATIENTS, Remark
from datasets.sources import Contents, read_folder
from datasets.zipped import ZIP_VERSION, is_zip, left_out, unpack
from sweeper.config.schema import DataSection
from sweeper.store.artifact import Target
from sweeper.store.store import Store
from sweeper.store.sums import sums_of_folder
from trainables.machine_cache import MachineCopy, upload


@dataclass(frozen=True)
class ImageSource:
    """`root`: the folder on this machine. `remote`: where other machines get it, if it is in the
    store; `sums` are then the checksums of its files, by path."""

    root: str
    remote: MachineCopy | None = None
    sums: Mapping[str, FileSum] = field(default_factory=dict)


def find_source(data: DataSection, store: Store) -> ImageSource:
    """The folder of the images; draws or unpacks them if needed. Raises DataError for a zip file
    that cannot be unpacked."""
    if data.source == "folder" and not is_zip(str(data.path)):
        return ImageSource(str(data.path))
    target = stored_images(data)
    artifact = store.verified(*target.place)
    if artifact is None:
        with (
            store.writing(*target.content) as folder,
            upload(folder, store.filesystem) as local,
        ):
            if data.source == "synthetic":
                write_synthetic(local, **_drawing(data))
            else:
                unpack(str(data.path), local)
            store.add_sums(folder, sums_of_folder(local))
        artifact = store.get(*target.place)
    images = MachineCopy(artifact.folder, store.filesystem)
    return ImageSource(os.fspath(images), images, artifact.files or {})


def stored_images(data: DataSection) -> Target:
    """Images in the store: those that are drawn, or unpacked from a zip."""
    if data.source == "synthetic":
        return Target("images", {"version": SYNTHETIC_VERSION, **_drawing(data)})
    zipped = FileSum.of_file(Path(str(data.path))).sha256
    return Target("images", {"version": ZIP_VERSION, "zip": zipped})


def contents_of(root: str, data: DataSection, own: Sequence[str] = ()) -> Contents:
    """The content of the folder of images, with its classes from folder names or from the table
    `data.labels`; for a zip, including files that were not unpacked.

    `own`: as for `read_folder`.
    """
    if data.labels:
        contents = read_labelled_folder(
            root,
            data.labels,
            label=data.label,
            unmatched=data.labels_unmatched,
            called=data.path,
            follow_links=data.follow_links,
            own=own,
        )
    else:
        contents = read_folder(root, data.path, follow_links=data.follow_links, own=own)
    if data.source == "folder" and is_zip(str(data.path)):
        contents = replace(contents, others=[*contents.others, *left_out(str(data.path))])
    return contents


def remarks_on(contents: Contents, data: DataSection) -> tuple[Remark, ...]:
    """The remarks on a folder; none on patients if `data.group_by` identifies them."""
    known = {PATIENTS} if data.group_by else set()
    return tuple(remark for remark in contents.remarks if remark.kind not in known)


def _drawing(data: DataSection) -> dict[str, Any]:
    options = data.synthetic.model_dump()
    if not options["near_duplicate_fraction"]:
        del options["near_duplicate_fraction"]  # as it was before there were any
    return options
