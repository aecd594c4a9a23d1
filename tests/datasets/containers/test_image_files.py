"""Images from a container are written inside of the folder, under names that are listed."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.containers.image_files import LABELS, EncodedImage, safe_path, write_images
from datasets.containers.place import kind_of
from datasets.decoding.dicom_detection import is_dicom
from tests.datasets.decoding.dicom_files import dicom_file, ramp

JPEG = b"\xff\xd8\xff picture"


def written(folder: Path, *paths: str, data: bytes = JPEG) -> list[str]:
    write_images([EncodedImage(path, data) for path in paths], folder)
    return [one.relative_to(folder).as_posix() for one in sorted(folder.rglob("*.*"))]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/1.jpg", "a/1.jpg"),
        (r"a\1.jpg", "a/1.jpg"),
        ("a/IM1", "a/IM1.jpg"),
        ("a/scan.2024", "a/scan.2024.jpg"),
        ("1.heic", "1.heic"),
        ("", "00000000.jpg"),
        ("../1.jpg", "1.jpg"),
        ("/home/me/1.jpg", "1.jpg"),
        ("C:/x/1.jpg", "1.jpg"),
        ("..", "00000000.jpg"),
        ("a/.hidden.jpg", "00000000.jpg"),
        ("a/" + "x" * 250 + ".jpg", "00000000.jpg"),
        ("a/1\n.jpg", "00000000.jpg"),
    ],
)
def test_an_image_keeps_its_path_where_that_is_safe(tmp_path: Path, path: str, name: str) -> None:
    assert written(tmp_path, path) == [name]


def test_an_extension_follows_the_content(tmp_path: Path) -> None:
    dicom = dicom_file(ramp())
    assert is_dicom(dicom)
    assert written(tmp_path, "scan", data=dicom) == ["scan.dcm"]


def test_equal_paths_are_numbered_however_they_are_spelled(tmp_path: Path) -> None:
    names = written(tmp_path, "1.jpg", "1.jpg", "1.JPG", "1-2.jpg", "1.nii.gz", "1.nii.gz")
    assert len(names) == 6
    assert len({name.casefold() for name in names}) == 6
    assert {"1.jpg", "1-2.jpg", "1-3.JPG", "1-2.nii.gz"} <= set(names)


@settings(deadline=None)
@given(parts=st.lists(st.sampled_from(["..", ".", "", "a", "b.png", "/", "\\", "C:", "\0"])))
def test_nothing_is_written_outside_whatever_the_names(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    around = tmp_path_factory.mktemp("around")
    (folder := around / "images").mkdir()
    name = "/".join(parts)
    write_images([EncodedImage(name, JPEG)], folder)
    assert [one.name for one in around.iterdir()] == ["images"]
    assert sum(one.is_file() for one in folder.rglob("*")) == 1
    inside = safe_path(name)
    assert inside is None or not ({".."} & set(inside.parts) or inside.is_absolute())


def test_columns_are_kept_but_those_that_name_the_image(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"label": "a", "age": 3, "File_Name": "x"},
        {"label": "b", "tags": ["u", "v"]},
        {},
    ]
    images = [EncodedImage(f"{n}.jpg", JPEG, row) for n, row in enumerate(rows)]
    assert write_images(images, tmp_path) == 3
    table = pq.read_table(tmp_path / LABELS)
    assert table.to_pydict() == {
        "path": ["0.jpg", "1.jpg", "2.jpg"],
        "label": ["a", "b", None],
        "age": [3, None, None],
        "tags": [[], ["u", "v"], []],
    }


def test_values_of_several_types_are_texts(tmp_path: Path) -> None:
    images = [EncodedImage("", JPEG, {"label": value}) for value in (1, "b", None)]
    write_images(images, tmp_path)
    assert pq.read_table(tmp_path / LABELS)["label"].to_pylist() == ["1", "b", None]


@pytest.mark.parametrize(
    ("paths", "kind"),
    [
        (["a/1.png", "labels.parquet"], "folder"),
        (["labels.parquet", "a/1.PNG"], "folder"),
        (["README.md", "data/train-0.parquet"], "table"),
        (["dataset_info.json", "data-0.arrow"], "table"),
        (["0.tar", "1.tar"], "tar"),
        (["images.tar.gz"], "tar"),
        (["images.zip"], "zip"),
        (["a/IM0001"], "folder"),
        ([], "folder"),
    ],
)
def test_the_kind_of_files(paths: list[str], kind: str) -> None:
    assert kind_of(paths) == kind
