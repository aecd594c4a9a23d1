"""The size and SHA-256 of files, taken by whoever writes them: nobody reads a file to hash it."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.fs as pafs


class FileSum(NamedTuple):
    """The expected size and hash of a file."""

    size: int
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> FileSum:
        return cls(len(data), hashlib.sha256(data).hexdigest())

    @classmethod
    def of_file(cls, path: Path) -> FileSum:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            return cls(file.tell(), digest.hexdigest())


class SummedFile(io.RawIOBase):
    """A file of any file system, open for writing, with the `sum` of the bytes written so far."""

    def __init__(self, filesystem: pafs.FileSystem, path: str) -> None:
        self._stream = filesystem.open_output_stream(path)
        self._digest, self._size = hashlib.sha256(), 0

    @property
    def sum(self) -> FileSum:
        return FileSum(self._size, self._digest.hexdigest())

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any, /) -> int:
        written = memoryview(data).cast("B")
        self._stream.write(written)
        self._digest.update(written)
        self._size += len(written)
        return len(written)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
