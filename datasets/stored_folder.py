"""A folder of images on any file system, of which a worker reads only the files it needs."""

from __future__ import annotations

from dataclasses import dataclass

from pyarrow.fs import FileSystem

from datasets.decoding.limits import check_file_size
from datasets.errors import DataError


@dataclass(frozen=True)
class StoredFolder:
    """`folder`: its path in `filesystem`. Picklable: it is sent to the workers."""

    folder: str
    filesystem: FileSystem

    def read(self, path: str) -> bytes:
        """Read one file, as `decode.read_file` does. Raises DataError."""
        try:
            with self.filesystem.open_input_file(f"{self.folder}/{path}") as file:
                check_file_size(file.size())
                data: bytes = file.read()
        except OSError as error:
            raise DataError(f"cannot be opened: {' '.join(str(error).split())}") from None
        return data
