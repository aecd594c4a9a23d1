"""Which files of a folder are taken, and what a wrong folder is told."""

import inspect
import os
import sys
import unicodedata
from pathlib import Path

import pytest

from datasets.errors import DataError
from datasets.layout.class_names import class_key
from datasets.sources import ImageFile, list_folder, read_folder

DICOM = bytes(128) + b"DICM"
LINK = "a link that leads out of the data folder"


def _touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_class_folders_are_listed_sorted_with_nested_folders_and_any_case_of_suffix(
    tmp_path: Path,
) -> None:
    _touch(tmp_path, "b/2.PNG", "b/deep/er/1.jpeg", "a/x.tiff")
    assert list_folder(str(tmp_path)) == [
        ImageFile("a/x.tiff", "a", ""),
        ImageFile("b/2.PNG", "b", ""),
        ImageFile("b/deep/er/1.jpeg", "b", ""),
    ]


def test_hidden_and_foreign_files_are_ignored(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.jpg", "a/._1.jpg", "a/Thumbs.db", "a/.DS_Store", "a/notes.txt")
    _touch(tmp_path, "a/.cache/2.jpg", ".git/3.jpg", "__MACOSX/a/4.jpg", "readme.jpg")
    assert [file.path for file in list_folder(str(tmp_path))] == ["a/1.jpg"]


def test_layers_are_merged_by_class_without_regard_to_case_and_remembered(tmp_path: Path) -> None:
    _touch(tmp_path, "Train/Spiral Fracture/1.jpg", "test/Spiral fracture/2.jpg", "val/Other/3.jpg")
    assert list_folder(str(tmp_path)) == [
        ImageFile("Train/Spiral Fracture/1.jpg", "Spiral Fracture", "train"),
        ImageFile("test/Spiral fracture/2.jpg", "Spiral Fracture", "test"),
        ImageFile("val/Other/3.jpg", "Other", "val"),
    ]


def test_a_class_may_be_named_like_a_layer(tmp_path: Path) -> None:
    _touch(tmp_path, "test/1.jpg", "control/2.jpg")
    assert {file.class_name for file in list_folder(str(tmp_path))} == {"test", "control"}


def test_a_class_empty_in_one_layer_only_is_no_mistake(tmp_path: Path) -> None:
    _touch(tmp_path, "train/a/1.jpg", "train/b/2.jpg", "test/a/3.jpg")
    (tmp_path / "test" / "b").mkdir()
    assert len(list_folder(str(tmp_path))) == 3


def test_a_missing_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "file")
    with pytest.raises(DataError, match="no such folder"):
        list_folder(str(tmp_path / "absent"))
    with pytest.raises(DataError, match="not a folder"):
        list_folder(str(tmp_path / "file"))


def test_images_without_class_folders_are_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "1.jpg")
    with pytest.raises(DataError, match="one folder per class"):
        list_folder(str(tmp_path))


def test_a_class_without_images_is_named(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.jpg", "Empty One/notes.txt")
    with pytest.raises(DataError, match="Empty One") as caught:
        list_folder(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_layers_beside_class_folders_are_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "train/a/1.jpg", "extra/1.jpg")
    with pytest.raises(DataError, match="train beside extra"):
        list_folder(str(tmp_path))


def _problems(root: Path) -> dict[str, str]:
    return {file.path: file.problem for file in list_folder(str(root))}


def test_names_with_spaces_and_any_script_are_listed(tmp_path: Path) -> None:
    names = {"größer als/1 von 2.JPEG", "größer als/胸部 X線.Png", "größer als/a.b.c.TIF"}
    _touch(tmp_path, *names)
    assert _problems(tmp_path) == dict.fromkeys(names, "")


def test_what_systems_leave_behind_is_ignored(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.jpg", "a/THUMBS.DB", "a/desktop.ini", "a/@eaDir/1.jpg", "@eaDir/b/1.jpg")
    _touch(tmp_path, "__MACOSX/b/1.jpg", "a/__MACOSX/1.jpg", "$RECYCLE.BIN/b/1.jpg", ".DS_Store")
    assert list(_problems(tmp_path)) == ["a/1.jpg"]


def test_class_names_that_look_alike_are_one_class(tmp_path: Path) -> None:
    composed, taken_apart = (unicodedata.normalize(form, "brûlé") for form in ("NFC", "NFD"))
    assert composed != taken_apart
    _touch(tmp_path, f"train/{taken_apart}/1.jpg", f"test/{composed.upper()}/2.jpg")
    _touch(tmp_path, "train/two  words/3.jpg", "test/Two words /4.jpg")
    classes = {file.path[-5:]: file.class_name for file in list_folder(str(tmp_path))}
    assert classes == {
        "1.jpg": composed,
        "2.jpg": composed,
        "3.jpg": "two words",
        "4.jpg": "two words",
    }
    assert class_key(taken_apart) == class_key(composed.upper())
    assert class_key("two words") != class_key("twowords")


def test_files_without_a_suffix_are_taken_where_they_are_dicom(tmp_path: Path) -> None:
    _touch(tmp_path, "a/README", "a/IM2", "a/notes.7")
    for name in ("IM1", "1.2.840.10008.5"):
        (tmp_path / "a" / name).write_bytes(DICOM)
    (tmp_path / "a" / "x.txt").write_bytes(DICOM)
    assert list(_problems(tmp_path)) == ["a/1.2.840.10008.5", "a/IM1"]


def test_a_pipe_without_a_suffix_is_not_waited_for(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.dcm")
    os.mkfifo(tmp_path / "a" / "pipe")
    assert list(_problems(tmp_path)) == ["a/1.dcm"]


def test_pictures_in_formats_that_are_not_read_are_named(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.jpg", "a/2.HEIC", "a/3.jp2")
    assert _problems(tmp_path) == {
        "a/1.jpg": "",
        "a/2.HEIC": ".heic is not supported; save it as PNG or TIFF",
        "a/3.jp2": ".jp2 is not supported; save it as PNG or TIFF",
    }


def test_links_out_of_the_folder_are_named_and_not_followed(tmp_path: Path) -> None:
    _touch(tmp_path, "out/1.jpg", "data/a/1.jpg", "data-2/1.jpg")
    targets: dict[str, Path | str] = {
        "a/file.jpg": tmp_path / "out/1.jpg",
        "a/folder": tmp_path / "out",
        "a/beside": tmp_path / "data-2",  # begins as the root does
        "a/up": "../..",
        "a/gone.jpg": tmp_path / "out/none.jpg",
        "b": tmp_path / "out",
    }
    for link, target in targets.items():
        (tmp_path / "data" / link).symlink_to(target)
    problems = _problems(tmp_path / "data")
    assert problems.pop("a/1.jpg") == ""
    assert sorted(problems) == ["a/beside", "a/file.jpg", "a/folder", "a/gone.jpg", "a/up", "b"]
    assert all(problem.startswith(LINK) for problem in problems.values())


def test_links_inside_the_folder_are_followed_once_a_class(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.jpg", "a/deep/2.jpg", "b/3.jpg")
    (tmp_path / "a" / "link.jpg").symlink_to("1.jpg")
    (tmp_path / "a" / "again").symlink_to("deep")
    (tmp_path / "b" / "from a").symlink_to("../a/deep")
    (tmp_path / "b" / "loop").symlink_to("..")
    (tmp_path / "b" / "self.jpg").symlink_to("self.jpg")
    files = list_folder(str(tmp_path))
    assert {file.problem for file in files} == {""}
    of_a = {os.path.basename(file.path) for file in files if file.class_name == "a"}
    of_b = {os.path.basename(file.path) for file in files if file.class_name == "b"}
    assert of_a == {"1.jpg", "2.jpg", "link.jpg"}
    assert of_b == {"1.jpg", "2.jpg", "3.jpg", "link.jpg", "self.jpg"}
    assert len([file for file in files if file.class_name == "a"]) == 3


def test_links_out_of_the_folder_are_followed_where_that_is_wanted(tmp_path: Path) -> None:
    """As a snapshot of the Hugging Face hub: links to blobs that have no extension."""
    for name, size in (("blobs/1f", 1), ("blobs/2e", 2), ("elsewhere/a/3.jpg", 3)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    snapshot = tmp_path / "snapshots" / "main"
    for link, target in {
        "a/1.jpg": "../../../blobs/1f",
        "b/2.jpg": "../../../blobs/2e",
        "b/gone.jpg": "../../../blobs/3d",
        "b/again": "../../../snapshots",
        "c": "../../elsewhere/a",
    }.items():
        (snapshot / link).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / link).symlink_to(target)
    found = read_folder(str(snapshot), follow_links=True).files
    problems = {file.path: file.problem for file in found}
    assert problems.pop("b/gone.jpg") == "a broken link"
    assert not any(problems.values())
    assert {file.path for file in found if file.class_name == "a"} == {"a/1.jpg"}
    assert {file.path for file in found if file.class_name == "c"} == {"c/3.jpg"}
    assert {"b/2.jpg", "b/again/main/a/1.jpg"} < set(problems)
    unread = {file.problem for file in read_folder(str(snapshot)).files}
    assert all("set data.follow_links=true" in problem for problem in unread)


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    _touch(tmp_path, "data/a/1.jpg")
    (tmp_path / "link").symlink_to("data")
    assert _problems(tmp_path / "link") == {"a/1.jpg": ""}


def test_many_folders_that_link_to_each_other_are_listed_at_once(tmp_path: Path) -> None:
    """Each of 30 folders links twice to the next: 2**30 ways lead to the last."""
    _touch(tmp_path, "b/1.jpg")
    for number in range(30):
        _touch(tmp_path, f"a/{number}/{number}.jpg")
        if number:
            for name in ("one", "two"):
                (tmp_path / f"a/{number - 1}/{name}").symlink_to(f"../{number}")
    assert len(_problems(tmp_path)) == 31


def test_a_folder_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path, "a/1.jpg", "a/closed/2.jpg")
    list_directory = os.listdir

    def refuse(folder: Path) -> list[str]:
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return list_directory(folder)

    monkeypatch.setattr(os, "listdir", refuse)  # root may list everything
    assert _problems(tmp_path) == {
        "a/1.jpg": "",
        "a/closed": "a folder that cannot be listed: Permission denied",
    }
    with pytest.raises(DataError, match="cannot be listed: Permission denied"):
        list_folder(str(tmp_path / "a" / "closed"))


def test_a_name_that_is_not_unicode_is_named_and_can_be_written(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "a")
    os.mkdir(folder)
    for name in (b"1.jpg", b"caf\xe9.jpg"):
        with open(os.path.join(folder, name), "wb"):
            pass
    problems = _problems(tmp_path)
    assert problems == {"a/1.jpg": "", "a/caf\\xe9.jpg": "a name that is not Unicode; rename it"}
    "".join(problems).encode()


def test_a_tree_deeper_than_the_stack_is_listed(tmp_path: Path) -> None:
    deep = tmp_path / "a"
    for _ in range(200):
        deep.mkdir()
        deep /= "d"
    (deep.parent / "1.jpg").touch()
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(len(inspect.stack()) + 100)
        assert len(_problems(tmp_path)) == 1
    finally:
        sys.setrecursionlimit(limit)
