"""Whoever writes a file knows its sum, whatever writes through it."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from datasets.file_sums import FileSum, SummedFile

LOCAL = pafs.LocalFileSystem()
ARRAY = np.random.default_rng(0).normal(size=(300, 200))
TABLE = pa.table({"value": ARRAY.ravel()})


def test_an_array_and_a_table_are_written_as_without_it(tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.save(whole, ARRAY)
    with SummedFile(LOCAL, str(tmp_path / "array")) as file:
        np.save(file, ARRAY)
    assert (tmp_path / "array").read_bytes() == whole.getvalue()
    assert file.sum == FileSum.of(whole.getvalue())

    pq.write_table(TABLE, tmp_path / "plain")
    with SummedFile(LOCAL, str(tmp_path / "summed")) as file:
        pq.write_table(TABLE, file)
    assert (tmp_path / "summed").read_bytes() == (tmp_path / "plain").read_bytes()
    assert file.sum == FileSum.of_file(tmp_path / "plain")


def test_a_file_is_complete_once_it_is_closed_and_closing_twice_does_no_harm(
    tmp_path: Path,
) -> None:
    with SummedFile(LOCAL, str(tmp_path / "text")) as file:
        assert file.write(b"some") == file.tell() == 4
        file.write(memoryview(b" text"))
    file.close()
    assert (tmp_path / "text").read_bytes() == b"some text"
    assert file.sum == FileSum.of(b"some text")
    with pytest.raises(ValueError, match="closed"):
        file.write(b"more")
