"""Store the results of decoding image files, by the content of the files.

A description, a thumbnail and a preview depend only on a file's bytes. They are kept in artifacts
of up to 512 files, keyed by the hashes of their bytes and never by a name. A file that was renamed,
touched or copied, the same folder on another machine and a zip file of it are therefore recognised,
and a changed collection costs only its new files. A killed pass keeps what it has written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.decoding.decode import DECODING_VERSION
from datasets.decoding.describe import DESCRIPTION_VERSION, Described, Description
from datasets.decoding.readers import describe_files
from datasets.decoding.small_pictures import SmallPictures
from datasets.manifest import content_hash
from sweeper.errors import DamagedError
from sweeper.store.artifact import Target
from sweeper.store.records import parquet_bytes
from sweeper.store.store import Artifact, Store

KIND = "descriptions"
_FILES_PER_ARTIFACT = 512  # 25 kB each
_VERSIONS = [DECODING_VERSION, DESCRIPTION_VERSION]


class Descriptions:
    """The descriptions in a store; for a read-only store, also those added meanwhile."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._pending: dict[str, Described] = {}  # not in the store yet
        self._artifact_of: dict[str, Artifact] = {}  # by content hash
        for artifact in store.each(lambda key: store.find(KIND, key), store.keys(KIND)):
            if artifact and artifact.made_from["versions"] == _VERSIONS:
                self._enter(artifact)

    def __len__(self) -> int:
        """The number of files, by content, that are described."""
        return len(self._artifact_of) + len(self._pending)

    def __contains__(self, one: str) -> bool:
        return one in self._artifact_of or one in self._pending

    def keys(self, hashes: Iterable[str]) -> list[str]:
        """The artifacts that hold the descriptions of files with these content hashes."""
        return sorted({a.key for one in hashes if (a := self._artifact_of.get(one))})

    def known(self, hashes: Iterable[str]) -> dict[str, Description]:
        """The available descriptions, by content hash."""
        wanted = set(hashes)
        found = {one: self._pending[one].description for one in wanted & set(self._pending)}
        for table in self._tables("rows.parquet", wanted):
            for row in table.itertuples(index=False):
                if row.content_hash in wanted:
                    found[str(row.content_hash)] = Description(*row)
        return found

    def pictures(self, hashes: Iterable[str]) -> Iterator[tuple[str, SmallPictures]]:
        """The available small pictures, in any order."""
        wanted = set(hashes)
        for one in wanted & set(self._pending):
            if pictures := self._pending[one].pictures:
                yield one, pictures
        for table in self._tables("pictures.parquet", wanted):
            for one, *kept in table.itertuples(index=False):
                if one in wanted:
                    yield str(one), SmallPictures(*map(bytes, kept))

    def read(self, root: str, paths: Sequence[str]) -> Iterator[tuple[str, Description]]:
        """Decode files below `root` and keep the results; yields the description by path."""
        for path, described in describe_files(root, paths):
            one = described.description.content_hash
            if one and one not in self._artifact_of:
                self._pending[one] = described
            if len(self._pending) >= _FILES_PER_ARTIFACT:
                self._write()
            yield path, described.description
        self._write()

    def _write(self) -> None:
        """Move pending results into the store, if it is writable."""
        if not self._pending or not self.store.writable:
            return
        target = _target(self._pending)
        if self.store.verified(*target.place) is None:
            described = [self._pending[one] for one in sorted(self._pending)]
            with self.store.writing(*target.content) as folder:
                for name, rows in (("rows", _rows(described)), ("pictures", _pictures(described))):
                    self.store.write_file(f"{folder}/{name}.parquet", parquet_bytes(rows))
        self._enter(self.store.get(*target.place))
        self._pending.clear()

    def _enter(self, artifact: Artifact) -> None:
        for one in artifact.made_from["contents"]:
            self._artifact_of.setdefault(one, artifact)

    def _tables(self, name: str, wanted: set[str]) -> Iterator[pd.DataFrame]:
        """One file of each artifact that holds any of the wanted; a damaged one is forgotten."""
        artifacts = {a.key: a for one in wanted if (a := self._artifact_of.get(one))}
        for _, artifact in sorted(artifacts.items()):
            try:
                data = self.store.read(artifact, name)
            except DamagedError:
                for one in artifact.made_from["contents"]:
                    self._artifact_of.pop(one, None)
            else:
                yield pq.read_table(pa.BufferReader(data)).to_pandas()


def pictures_of(
    root: str,
    images: pd.DataFrame,
    descriptions: Descriptions,
    wanted: Collection[str] | None = None,
) -> Iterator[tuple[str, SmallPictures]]:
    """The image_id and the small pictures of images, in any order; kept ones are not decoded.

    Args:
        root: the folder of the images.
        images: columns image_id and path, of all files of the folder that can be used. Those whose
            pictures have been lost are decoded again.
        descriptions: where the pictures are kept.
        wanted: the image_ids to look for; all of them by default.

    An image whose pictures have been lost and whose file is gone or has changed is left out.
    """
    path_of = {content_hash(i): p for i, p in zip(images["image_id"], images["path"], strict=True)}
    ids: dict[str, list[str]] = {}
    for image_id in images["image_id"] if wanted is None else wanted:
        ids.setdefault(content_hash(image_id), []).append(image_id)
    missing = set(ids)
    for one, pictures in descriptions.pictures(ids):
        missing.discard(one)
        yield from ((image_id, pictures) for image_id in ids[one])
    if missing:
        lost = [path for one, path in path_of.items() if one not in descriptions]
        for _ in descriptions.read(root, lost):
            pass
        for one, pictures in descriptions.pictures(missing):
            yield from ((image_id, pictures) for image_id in ids[one])


def _target(hashes: Iterable[str]) -> Target:
    return Target(KIND, {"versions": _VERSIONS, "contents": sorted(hashes)})


def _rows(described: Sequence[Described]) -> pd.DataFrame:
    return pd.DataFrame([one.description for one in described], columns=Description._fields)


def _pictures(described: Sequence[Described]) -> pd.DataFrame:
    rows = [(one.description.content_hash, *one.pictures) for one in described if one.pictures]
    return pd.DataFrame(rows, columns=["content_hash", *SmallPictures._fields])
