"""The store: what is done is read from disk.

An artifact is a folder `<kind>/<key>/`. Its key is a hash of everything that determines it; its
files lie in a sub-folder that only its `artifact.json` names, and that file is written last, at
once. So a reader sees a whole artifact or none, a killed writer leaves nothing that is ever read,
and of two writers one wins. The same code serves a local folder and `s3://bucket/prefix`.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs

from sweeper.errors import StoreError

KINDS = (
    "images",
    "duplicates",
    "shards",
    "splits",
    "backbones",
    "pooled",
    "prefix",
    "trials",
    "evaluations",
    "explanations",
)


def key_of(made_from: Mapping[str, Any]) -> str:
    """The key of an artifact: 32 hex digits of the SHA-256 of what it is made from, as JSON."""
    text = json.dumps(made_from, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Artifact:
    """A finished artifact: where its files lie, and what it was made from."""

    kind: str
    key: str
    folder: str
    made_from: dict[str, Any]
    info: dict[str, Any]


class Store:
    """A store at a local folder or an object-store address. Small and picklable."""

    def __init__(self, address: str) -> None:
        """Raises StoreError where the address cannot be understood or written to."""
        self.filesystem, self.root = _open(address)
        self.address = address if "://" in address else self.root

    def find(self, kind: str, key: str) -> Artifact | None:
        """The artifact, or None where it is not there whole."""
        try:
            with self.filesystem.open_input_stream(f"{self._place(kind, key)}/artifact.json") as f:
                record = json.loads(f.read())
        except FileNotFoundError:
            return None
        folder = f"{self._place(kind, key)}/{record['folder']}"
        return Artifact(kind, key, folder, record["made_from"], record["info"])

    def get(self, kind: str, key: str) -> Artifact:
        """The artifact; KeyError where it is not there."""
        artifact = self.find(kind, key)
        if artifact is None:
            raise KeyError(f"{kind}/{key} is not in the store {self.address}")
        return artifact

    @contextmanager
    def writing(
        self, kind: str, made_from: Mapping[str, Any], info: Mapping[str, Any] | None = None
    ) -> Iterator[str]:
        """A folder to write an artifact's files into; it becomes visible when the block ends well.

        `info`: what is worth telling but does not determine the artifact; may be filled meanwhile.
        """
        place = self._place(kind, key_of(made_from))
        attempt = uuid.uuid4().hex[:12]
        self.filesystem.create_dir(f"{place}/{attempt}", recursive=True)
        yield f"{place}/{attempt}"
        record = {"kind": kind, "folder": attempt, "made_from": dict(made_from)}
        self._publish(place, {**record, "info": dict(info or {})})

    def write_file(self, path: str, data: bytes) -> None:
        """One file of an artifact under way."""
        with self.filesystem.open_output_stream(path) as stream:
            stream.write(data)

    def read_file(self, path: str) -> bytes:
        """One file of a finished artifact."""
        with self.filesystem.open_input_stream(path) as stream:
            data: bytes = stream.read()
        return data

    def _publish(self, place: str, record: Mapping[str, Any]) -> None:
        scratch = f"{place}/{record['folder']}/.artifact.json"
        self.write_file(scratch, json.dumps(record, indent=1).encode())
        self.filesystem.move(scratch, f"{place}/artifact.json")

    def _place(self, kind: str, key: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r}: expected one of {', '.join(KINDS)}")
        return f"{self.root}/{kind}/{key}"


def _open(address: str) -> tuple[pafs.FileSystem, str]:
    try:
        if "://" in address:
            filesystem, root = pafs.FileSystem.from_uri(address)
        else:
            filesystem, root = pafs.LocalFileSystem(), str(Path(address).expanduser().resolve())
        filesystem.create_dir(root, recursive=True)
        probe = f"{root}/.writable-{uuid.uuid4().hex[:12]}"
        with filesystem.open_output_stream(probe) as stream:
            stream.write(b"")
        filesystem.delete_file(probe)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: ~nobody has no home
        reason = " ".join(str(error).split())
        raise StoreError(f"store '{address}': cannot be written to ({reason})") from None
    return filesystem, root
