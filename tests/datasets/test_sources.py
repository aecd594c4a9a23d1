"""Which files of a folder are taken, and what a wrong folder is told."""

from pathlib import Path

import pytest

from datasets.errors import DataError
from datasets.sources import ImageFile, list_folder


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
