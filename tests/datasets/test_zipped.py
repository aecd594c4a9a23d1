"""Zip files are unpacked to the folder they were made from, with nothing outside of it."""

import os
import shutil
import stat
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import zipped
from datasets.errors import DataError
from datasets.sources import list_folder
from datasets.zipped import is_zip, left_out, unpack


def packed(folder: Path, *names: str, content: bytes = b"picture") -> Path:
    """A zip file of these files; each contains its own name."""
    path = folder / "images.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content + name.encode())
    return path


def unpacked(path: Path) -> list[str]:
    """The unpacked files; checks that nothing else was written nearby."""
    folder = path.parent / "inner" / "most" / "images"
    folder.mkdir(parents=True)
    before = {one for one in path.parent.rglob("*") if not one.is_relative_to(folder)}
    try:
        unpack(str(path), folder)
    finally:
        assert {one for one in path.parent.rglob("*") if not one.is_relative_to(folder)} == before
    files = [one for one in folder.rglob("*") if not one.is_dir()]
    assert not any(one.is_symlink() for one in files)
    return sorted(one.relative_to(folder).as_posix() for one in files)


def refusal(path: Path) -> str:
    """The error line for a refused zip; checks that nothing was unpacked."""
    folder = path.parent / "images"
    folder.mkdir()
    with pytest.raises(DataError) as caught:
        unpack(str(path), folder)
    assert list(folder.iterdir()) == []
    line = str(caught.value)
    assert line.startswith(f"data.path={str(path)!r}: ")
    assert "\n" not in line
    return line


def test_a_zip_is_recognised_by_content(tmp_path: Path) -> None:
    assert is_zip(str(packed(tmp_path, "a/1.png")))
    (tmp_path / "picture.png").write_bytes(b"picture")
    assert not is_zip(str(tmp_path / "picture.png"))
    assert not is_zip(str(tmp_path))
    assert not is_zip(str(tmp_path / "absent.zip"))


def test_images_are_unpacked_completely_and_other_files_skipped(tmp_path: Path) -> None:
    passed_over = ("readme.txt", "__MACOSX/a/._1.png", "a/.hidden.png", "a/Thumbs.db", "run.py")
    path = packed(tmp_path, "a/1.png", "b/deep/2.JPG", "b/3.heic", *passed_over)
    assert unpacked(path) == ["a/1.png", "b/3.heic", "b/deep/2.JPG"]
    folder = tmp_path / "inner" / "most" / "images"
    assert (folder / "a" / "1.png").read_bytes() == b"picture" + b"a/1.png"


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["data/a/1.png", "data/b/2.png"], {"a", "b"}),
        (["x/y/train/a/1.png", "x/y/test/a/2.png", "x/y/train/b/3.png"], {"a", "b"}),
        (["train/a/1.png", "train/b/2.png"], {"a", "b"}),
        (["x/Training/a/1.png", "x/Training/b/2.png"], {"a", "b"}),
        (["a/1.png", "a/deep/2.png"], {"a"}),
    ],
)
def test_a_common_top_folder_is_dropped(
    tmp_path: Path, names: list[str], classes: set[str]
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    unpack(str(packed(tmp_path, *names)), folder)
    assert {file.class_name for file in list_folder(str(folder))} == classes


@pytest.mark.parametrize(
    "name",
    [
        "../out.png",
        "a/../../out.png",
        "/tmp/out.png",
        "a/../b/1.png",
        "..\\out.png",
        "\\\\server\\out.png",
        "C:/out.png",
        "c:\\out.png",
        "../harmless.txt",
    ],
)
def test_an_archive_with_a_name_that_leads_outside_is_not_unpacked_at_all(
    tmp_path: Path, name: str
) -> None:
    line = refusal(packed(tmp_path, "a/1.png", name))
    assert "is not a path inside the archive; nothing is unpacked" in line


@settings(deadline=None)
@given(parts=st.lists(st.sampled_from(["..", ".", "", "a", "b.png", "/", "\\", "C:"]), min_size=1))
def test_nothing_is_written_outside_whatever_the_names(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("zip")
    with suppress(DataError):
        unpacked(
            packed(folder, "a/1.png", "/".join(parts) or "x.png")
        )  # checks the surroundings too
    shutil.rmtree(folder)


def test_names_as_written_by_windows_or_with_times_are_unpacked(tmp_path: Path) -> None:
    names = [r"data\a\1.png", r"data\a\\2.png", "data/b/10:30.png", "data/b/c:/3.png"]
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ["data\\a\\", *names]:
            member = zipfile.ZipInfo("x")
            member.filename = name
            archive.writestr(member, b"" if name.endswith("\\") else b"picture")
    assert unpacked(path) == ["a/1.png", "a/2.png", "b/10:30.png", "b/c:/3.png"]


def test_a_name_with_backslashes_and_one_without_are_the_same_file(tmp_path: Path) -> None:
    assert "'a/1.png' occurs 2 times" in refusal(packed(tmp_path, "a/1.png", r"a\1.png"))


def test_images_without_a_known_extension_are_unpacked(
    tmp_path: Path,
) -> None:
    images = ("a/IM0001", "a/2.jpg_large", "a/1.2.840")
    path = packed(tmp_path, *images, content=b"\xff\xd8\xff")
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("a/README", "a/table.mat", "a/labels.csv", "a.csv"):
            archive.writestr(name, b"no picture")
    assert unpacked(path) == sorted(images)
    assert left_out(str(path)) == ["README", "table.mat", "labels.csv", "a.csv"]


def test_links_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("a/passwords.png")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "'a/passwords.png' is a link" in refusal(path)


def test_archives_without_images_or_with_conflicting_names_are_refused(tmp_path: Path) -> None:
    for number, (names, said) in enumerate(
        [
            ([], "no image in it"),
            (["readme.txt"], "no image in it"),
            (["a/1.png", "a/1.png"], "'a/1.png' occurs 2 times"),
        ]
    ):
        (folder := tmp_path / str(number)).mkdir()
        assert said in refusal(packed(folder, *names))
    (folder := tmp_path / "both").mkdir()
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpacked(packed(folder, "a/1.png", "a/1.png/2.png"))


def test_a_bomb_is_refused_by_its_declared_size_and_stopped_if_that_is_false(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path, "a/1.png", content=bytes(20_000_000))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(zipped, "MAX_BYTES", 10_000_000)
    assert "would be 19 MiB" in refusal(path)
    data = bytearray(path.read_bytes())
    where = data.rfind(b"PK\x01\x02") + 24
    data[where : where + 4] = (1000).to_bytes(4, "little")  # the size stated in the directory
    path.write_bytes(data)
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpacked(path)
    written = [one for one in (tmp_path / "inner").rglob("*") if one.is_file()]
    assert sum(one.stat().st_size for one in written) <= 1000


def test_an_archive_larger_than_the_free_disk_space_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path, "a/1.png", content=bytes(1_000_000))
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "unpacked, but the store's disk has only" in refusal(path)


@pytest.mark.parametrize("where", [0.2, 0.5, 0.9])
def test_a_damaged_or_truncated_archive_is_one_line(tmp_path: Path, where: float) -> None:
    path = packed(tmp_path, "a/1.png", content=os.urandom(50_000))
    data = bytearray(path.read_bytes())
    data[int(len(data) * where)] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpacked(path)
    path.write_bytes(data[: len(data) // 2])
    assert not is_zip(str(path))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A zip with each compression method and a name that is not ASCII."""
    path = tmp_path_factory.mktemp("sound") / "images.zip"
    ways = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    with zipfile.ZipFile(path, "w") as archive:
        for way in ways:
            archive.writestr(f"\u00e9/{way}.png", b"picture" * 50, way)
    return path.read_bytes()


@settings(deadline=None, max_examples=1000)
@given(data=st.data())
def test_any_damaged_bytes_are_unpacked_or_reported_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, sound: bytes, data: st.DataObject
) -> None:
    changes = st.dictionaries(st.integers(0, len(sound) - 1), st.integers(0, 255), max_size=4)
    damaged = bytearray(sound)
    for where, byte in data.draw(changes).items():
        damaged[where] = byte
    folder = tmp_path_factory.mktemp("zip")
    (path := folder / "images.zip").write_bytes(damaged)
    line = ""
    if is_zip(str(path)):
        try:
            unpacked(path)
        except DataError as caught:
            line = str(caught)
    assert "\n" not in line
    shutil.rmtree(folder)


def test_an_encrypted_archive_is_one_line(tmp_path: Path) -> None:
    path = packed(tmp_path, "a/1.png")
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(magic) + offset] |= 1
    path.write_bytes(data)
    assert "'a/1.png' is encrypted" in refusal(path)
