"""An archive in place of a folder is reported with the way out."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

from datasets.errors import DataError
from datasets.layout.archives import archive_problem
from datasets.sources import read_folder


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/1.png", b"x" * 1000)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a/1.png"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.zip", zipped()[:500]), ("x.ZIP", b""), ("x", zipped()[:500]), ("x.zip", b"<html>")],
)
def test_a_truncated_or_empty_zip_is_reported_as_damaged(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=r": a damaged zip( \(it is empty\))?; copy it again, or"):
        read_folder(str(tmp_path / name))
    assert ("it is empty" in archive_problem(tmp_path / name)) == (not content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.tar", tarred()),
        ("x", tarred()),
        ("x.tar.gz", gzip.compress(tarred(), mtime=0)),
        ("data.v2.tgz", gzip.compress(tarred(), mtime=0)[:20]),
        ("x.tar.bz2", bz2.compress(tarred())),
        ("x", lzma.compress(tarred())),
        ("x.rar", b"Rar!\x1a\x07"),
        ("x.rar", b""),
        ("x.7z", b""),
    ],
)
def test_other_archives_must_be_unpacked_first(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=r"and .tar.gz archives are supported; unpack it"):
        read_folder(str(tmp_path / name))


@pytest.mark.parametrize("name", ["images.csv", "1.png", "notes"])
def test_other_files_are_not_archives(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"words")
    with pytest.raises(DataError, match="not a folder; give a folder of class folders, or a zip"):
        read_folder(str(tmp_path / name))
