"""Bring images that lie in a bucket, a table or an archive into the store, once.

The artifact is keyed by the address and by what the file system says of each file: its path, size
and times. So a second start lists the files again and reads none of them. Everything after it
identifies images by their content: the same images have the same splits and trials wherever they
come from.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyarrow.fs import LocalFileSystem

from datasets.containers.image_files import write_images
from datasets.containers.image_folder import copy_images
from datasets.containers.image_table import find_table
from datasets.containers.place import TABLES, Kind, Place, kind_of, local_files, place_at
from datasets.containers.tar_files import CLASS, TarImages
from datasets.errors import DataError
from datasets.labels.label_table import LABEL_COLUMNS, check_label_column
from datasets.layout.file_kinds import needs_content_check, suffix_of
from datasets.zipped import left_out, unpack
from sweeper.config.schema import DataSection
from sweeper.errors import StoreError
from sweeper.plan.listings import SETTLED_S
from sweeper.progress import Progress
from sweeper.store.address import is_remote, locate
from sweeper.store.artifact import Target
from sweeper.store.refusals import in_one_line
from sweeper.store.store import Artifact, Store
from sweeper.store.sums import sums_of_folder
from trainables.machine_cache import upload

BROUGHT_VERSION = 1
_SHARE_OF_FREE = 0.9


@dataclass(frozen=True)
class Origin:
    """Where images are brought from; `address`: of another machine, else ""."""

    place: Place
    kind: Kind
    address: str

    def target(self, image_column: str | None) -> Target:
        """The artifact with the images; `image_column` as in the configuration."""
        files = hashlib.sha256(json.dumps(self.place.files).encode()).hexdigest()
        made_from: dict[str, Any] = {"version": BROUGHT_VERSION, "kind": self.kind, "files": files}
        if self.address:
            made_from["address"] = self.address
        if image_column:
            made_from["image_column"] = image_column
        return Target("images", made_from)


def origin_of(data: DataSection, store: Store) -> Origin | None:
    """Where the images have to be brought from; None for a local folder of image files or a local
    zip file. A store among them is left out. Raises DataError if there is nothing, or it cannot be
    listed."""
    path = str(data.path)
    if is_remote(path):
        return _remote_origin(path, store)
    is_file = os.path.isfile(path)
    absolute = os.path.abspath(path)
    names = [os.path.basename(path)] if is_file else local_files(absolute)
    kind = kind_of(names)
    if kind not in ("table", "tar"):
        return None
    with _listing(path):
        origin = Origin(place_at(LocalFileSystem(), absolute, is_file, store.root), kind, "")
    return None if _is_beside_images(origin, data) else origin


def bring(origin: Origin, data: DataSection, store: Store, progress: Progress) -> Artifact:
    """The images of an origin in the store, brought there if they are not.

    The artifact's info has `label`, the column of the classes if it is not called so, and
    `others`, how many files are not images, by extension. Raises DataError in one line.
    """
    target = origin.target(data.image_column)
    artifact = store.find(*target.place)
    if artifact:
        return artifact
    origin = _settled(origin, str(data.path))
    target = origin.target(data.image_column)
    info: dict[str, Any] = {}
    total = len(origin.place.files) if origin.kind == "folder" else 0
    with (
        progress.during("bring images", total, "files" if total else "images"),
        store.writing(*target.content, info) as folder,
        upload(folder, store.filesystem, keep=True) as local,
        _named(data),
    ):
        _check_room(origin, local)
        info |= _written(origin, data, local, progress.reach)
        with _listing(str(data.path)):
            now = origin.place.listed_again()
        if now.files != origin.place.files:
            raise DataError("its files changed while they were read; run again")
        store.add_sums(folder, sums_of_folder(local))
    return store.get(*target.place)


def _remote_origin(path: str, store: Store) -> Origin:
    with _listing(path):
        filesystem, info = locate(path)
        own = store.root if filesystem.type_name == store.filesystem.type_name else ""
        place = place_at(filesystem, info.path, info.is_file, own)
    kind = kind_of(file.path for file in place.files)
    if kind == "zip" and not info.is_file:
        kind = "folder"
    if not place.files:
        raise DataError(f"data.path={path!r}: no files below it; choose another prefix")
    if info.is_file and kind == "folder":
        raise DataError(
            f"data.path={path!r}: a single file; expected a folder, or a .parquet, .arrow, .tar or "
            ".zip file"
        )
    return Origin(place, kind, path)


def _is_beside_images(origin: Origin, data: DataSection) -> bool:
    """Whether a table has no images itself but lies beside files that may be some, such as DICOM
    files without an extension."""
    files = [file.path for file in origin.place.files if suffix_of(file.path) not in TABLES]
    if origin.kind != "table" or not any(map(needs_content_check, files)):
        return False
    try:
        find_table(origin.place, data.image_column)
    except DataError:
        return True
    return False


def _settled(origin: Origin, path: str) -> Origin:
    """The origin, after waiting until its last change is further back than the steps of its times,
    so that a later change shows."""
    newest = max((max(file.changed_ns) for file in origin.place.files), default=0) / 1e9
    rest_s = newest + SETTLED_S - time.time()
    if not 0 < rest_s <= SETTLED_S:
        return origin
    time.sleep(rest_s)
    with _listing(path):
        return replace(origin, place=origin.place.listed_again())


@contextmanager
def _listing(path: str) -> Iterator[None]:
    """Convert errors of looking at `data.path` to DataError."""
    try:
        yield
    except StoreError as error:
        raise DataError(f"data.path={str(error).removeprefix('store ')}") from None
    except OSError as error:
        raise DataError(f"data.path={path!r}: cannot be read from ({in_one_line(error)})") from None


@contextmanager
def _named(data: DataSection) -> Iterator[None]:
    """Have errors name the setting."""
    setting = f"data.path={data.path!r}"
    try:
        yield
    except DataError as error:
        known = str(error).startswith("data.")
        raise DataError(str(error) if known else f"{setting}: {error}") from None


def _check_room(origin: Origin, folder: Path) -> None:
    needed, free = sum(file.size for file in origin.place.files), shutil.disk_usage(folder).free
    if needed > _SHARE_OF_FREE * free:
        raise DataError(
            f"{needed / 2**30:.1f} GiB, but the disk of {folder} has only {free / 2**30:.1f} GiB "
            "free; free some space, or set store (or SWEEPER_CACHE) to a larger disk"
        )


def _written(
    origin: Origin, data: DataSection, folder: Path, on_progress: Callable[[int], None]
) -> dict[str, Any]:
    """Write the images into a local folder; returns the artifact's info."""
    if origin.kind == "folder":
        return _info(copy_images(origin.place, folder, on_progress))
    if origin.kind == "zip":
        return _info(_unpacked(origin, folder))
    if origin.kind == "tar":
        tar = TarImages(origin.place, data.image_column)
        _check_any(write_images(tar.images(), folder, on_progress), data)
        usual = {name.strip().casefold() for name in tar.columns} & set(LABEL_COLUMNS)
        return _info(tar.others, CLASS if CLASS in tar.columns and not usual else None)
    table = find_table(origin.place, data.image_column)
    if not data.labels:
        check_label_column(table.columns, f"data.path={data.path!r}", data.label or table.label)
    _check_any(write_images(table.images(), folder, on_progress), data)
    return _info([], table.label)


def _check_any(images: int, data: DataSection) -> None:
    if not images:
        field = f" in data.image_column={data.image_column!r}" if data.image_column else ""
        raise DataError(f"no image in it{field}; expected encoded images such as JPEG or PNG")


def _unpacked(origin: Origin, folder: Path) -> list[str]:
    """Fetch and unpack a zip file; returns the names of the other files in it."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        fetched = Path(scratch, "images.zip")
        with origin.place.open(origin.place.files[0].path) as source, fetched.open("wb") as copy:
            shutil.copyfileobj(source, copy, 4 << 20)
        unpack(str(fetched), folder, origin.address)
        return left_out(str(fetched))


def _info(others: Sequence[str], label: str | None = None) -> dict[str, Any]:
    return {"others": dict(Counter(map(suffix_of, others))), "label": label}
