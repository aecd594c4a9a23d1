"""Tar files: samples of a WebDataset, packed class folders, and what is refused."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow.fs import LocalFileSystem

from datasets.containers.image_files import EncodedImage
from datasets.containers.place import place_at
from datasets.containers.tar_files import TarImages
from datasets.errors import DataError
from tests.datasets.containers.write_containers import write_tar

PNG = b"\x89PNG\r\n\x1a\n picture"


def tar_of(path: Path, image_column: str | None = None) -> TarImages:
    return TarImages(place_at(LocalFileSystem(), str(path), path.is_file()), image_column)


def read(path: Path, image_column: str | None = None) -> list[EncodedImage]:
    return list(tar_of(path, image_column).images())


def refusal(path: Path, image_column: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(path, image_column)
    line = str(caught.value)
    assert line.startswith(f"{path.name}: ")
    assert "\n" not in line
    return line


def test_a_sample_is_an_image_with_its_class_and_json(tmp_path: Path) -> None:
    members = {
        "x/0001.png": PNG + b"1",
        "x/0001.cls": b"fracture\n",
        "x/0001.json": b'{"age": 71, "tags": ["l"]}',
        "x/0001.npy": b"array",
        "x/0002.cls": b"none",
        "x/0002.png": PNG + b"2",
    }
    tar = tar_of(write_tar(members, tmp_path / "0.tar"))
    assert list(tar.images()) == [
        EncodedImage("x/0001.png", PNG + b"1", {"cls": "fracture", "age": 71, "tags": ["l"]}),
        EncodedImage("x/0002.png", PNG + b"2", {"cls": "none"}),
    ]
    assert tar.others == ["0001.npy"]
    assert tar.columns == {"cls", "age", "tags"}


def test_shards_are_read_in_order(tmp_path: Path) -> None:
    for shard in (1, 0):
        write_tar({"0.png": PNG, "0.cls": str(shard).encode()}, tmp_path / f"{shard}.tar")
    assert [image.columns["cls"] for image in read(tmp_path)] == ["0", "1"]


@pytest.mark.parametrize("compression", ["", "gz"])
def test_packed_class_folders_are_read(tmp_path: Path, compression: str) -> None:
    members = {"a/1.2.840.1.png": PNG, "a/1.2.840.2.png": PNG, "b/IM1": PNG, "readme.txt": b"x"}
    suffix = f".tar.{compression}".rstrip(".")
    tar = tar_of(write_tar(members, tmp_path / f"images{suffix}", compression))
    assert [image.path for image in tar.images()] == ["a/1.2.840.1.png", "a/1.2.840.2.png", "b/IM1"]
    assert tar.columns == set()
    assert tar.others == ["readme.txt"]


def test_one_of_several_images_of_a_sample_is_chosen(tmp_path: Path) -> None:
    members = {"1.left.png": PNG, "1.right.png": PNG + b"r", "1.cls": b"a"}
    path = write_tar(members, tmp_path / "0.tar")
    line = refusal(path)
    assert "sample '1' has 2 images (left.png, right.png); choose one by data.image_col" in line
    assert [image.data for image in read(path, "right.png")] == [PNG + b"r"]


@pytest.mark.parametrize("name", ["../1.png", "/etc/1.png", "a/../../1.png", "C:/1.png", "..\\1"])
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    path = write_tar({"a/0.png": PNG, name: PNG}, tmp_path / "0.tar")
    assert "is not a path inside the archive" in refusal(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "0.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("a/1.png")
        link.type, link.linkname = kind, "/etc/passwd"
        archive.addfile(link)
    assert "'a/1.png' is a link" in refusal(path)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "0.tar"
    with tarfile.open(path, "w") as archive:
        pipe = tarfile.TarInfo("a/1.png")
        pipe.type = tarfile.FIFOTYPE
        archive.addfile(pipe)
    assert "is a device or a pipe" in refusal(path)


def test_a_member_larger_than_an_image_is_refused_by_its_header(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a/1.png")
    info.size = 2**40
    path = tmp_path / "0.tar"
    path.write_bytes(info.tobuf() + PNG)
    assert "has 1048576 MiB; expected at most 256 MiB a file" in refusal(path)


@pytest.fixture(scope="module")
def sound() -> bytes:
    contents = {"png": PNG * 45, "cls": b"a" * 720}  # both of two blocks
    members = {f"{n}.{kind}": data for n in range(5) for kind, data in contents.items()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_an_archive_that_is_cut_off_is_refused_wherever(
    tmp_path_factory: pytest.TempPathFactory, sound: bytes, data: st.DataObject
) -> None:
    """tarfile takes most of them for whole."""
    ends = len(sound.rstrip(b"\0"))
    length = data.draw(st.integers(0, ends))
    path = tmp_path_factory.mktemp("tar") / "0.tar"
    path.write_bytes(sound[:length])
    assert "copy it again" in refusal(path)


@pytest.mark.parametrize("member", [1, 4])
def test_a_damaged_header_is_refused(tmp_path: Path, sound: bytes, member: int) -> None:
    damaged = bytearray(sound)
    at = member * (512 + 1024)
    damaged[at + 10] ^= 0xFF
    (tmp_path / "0.tar").write_bytes(damaged)
    assert "copy it again" in refusal(tmp_path / "0.tar")


def test_a_compressed_archive_that_is_cut_off_is_refused(tmp_path: Path, sound: bytes) -> None:
    packed = gzip.compress(sound, mtime=0)
    (tmp_path / "0.tar.gz").write_bytes(packed[: len(packed) // 2])
    assert "cannot be read as a tar file" in refusal(tmp_path / "0.tar.gz")


def test_json_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = write_tar({"1.png": PNG, "1.json": b"{"}, tmp_path / "0.tar")
    assert "'1.json': cannot be read (" in refusal(path)
