"""Tables of images: which column holds them, and what a Hugging Face snapshot states."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import LocalFileSystem

from datasets.containers.hugging_face import features_of
from datasets.containers.image_table import ImageTable, find_table
from datasets.containers.place import place_at
from datasets.errors import DataError
from tests.datasets.containers.write_containers import (
    HF_IMAGE,
    hugging_face_metadata,
    snapshot_table,
    write_saved,
)

ROWS = [
    {"path": f"{label}/{n}.png", "label": label, "bytes": b"x"} for label in "ab" for n in (1, 2)
]


def table_at(path: Path, image_column: str | None = None) -> ImageTable:
    return find_table(place_at(LocalFileSystem(), str(path), path.is_file()), image_column)


def written(
    path: Path, columns: dict[str, Any], metadata: dict[bytes, bytes] | None = None
) -> Path:
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)
    return path


def test_class_numbers_become_names_and_minus_one_is_no_label(tmp_path: Path) -> None:
    images = pa.array([{"bytes": b"x", "path": None}] * 3, HF_IMAGE)
    columns = {"image": images, "diagnosis": [1, 0, -1]}
    path = written(
        tmp_path / "x.parquet", columns, hugging_face_metadata(["no", "yes"], "diagnosis")
    )
    table = table_at(path)
    assert (table.image, table.label) == ("image", "diagnosis")
    assert [image.columns["diagnosis"] for image in table.images()] == ["yes", "no", None]


def test_a_saved_dataset_is_read_with_the_features_of_its_json(tmp_path: Path) -> None:
    table = table_at(write_saved(ROWS, tmp_path / "saved"))
    assert [(image.path, image.columns["label"]) for image in table.images()] == [
        ("1.png", "a"),
        ("2.png", "a"),
        ("1.png", "b"),
        ("2.png", "b"),
    ]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"info": null}', b'{"info": {"features": 3}}']
)
def test_metadata_of_another_form_is_ignored(text: bytes) -> None:
    schema = pa.schema([("image", pa.binary())], metadata={b"huggingface": text})
    assert features_of(schema) == features_of(pa.schema([]))


def test_the_column_that_datasets_marks_as_image_is_taken(tmp_path: Path) -> None:
    columns = {"image": [b"x"], "digest": [b"y"], "label": ["a"]}
    path = written(tmp_path / "x.parquet", columns, hugging_face_metadata(["a"]))
    assert table_at(path).image == "image"
    columns = {"scan": [b"x"], "digest": [b"y"], "label": ["a"]}
    with pytest.raises(DataError, match=r"2 columns may hold the images \(scan, digest\)"):
        table_at(written(tmp_path / "y.parquet", columns))
    assert table_at(tmp_path / "y.parquet", "scan").image == "scan"


def test_columns_of_bytes_beside_the_images_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "x.parquet", {"image": [b"x"], "digest": [b"y"], "label": ["a"]})
    (image,) = table_at(path).images()
    assert image.columns == {"label": "a"}


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["train-00000-of-00001.parquet", "test-00000-of-00001.parquet"], {"train", "test"}),
        (["train/0000.parquet", "validation/0000.parquet"], {"train", "val"}),
        (["train.parquet", "more.parquet"], {None}),
        (["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"], {None}),
    ],
)
def test_the_part_of_a_split_is_that_of_the_file(
    tmp_path: Path, names: list[str], parts: set[str | None]
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        pq.write_table(snapshot_table(ROWS), tmp_path / name)
    assert {image.columns.get("split") for image in table_at(tmp_path).images()} == parts


def test_a_file_of_other_columns_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "0.parquet", {"image": [b"x"], "label": ["a"]})
    written(tmp_path / "1.parquet", {"picture": [b"x"], "label": ["a"]})
    with pytest.raises(DataError, match=r"^1.parquet: no column 'image'; its columns are picture,"):
        list(table_at(tmp_path).images())


def test_a_missing_image_is_an_empty_file(tmp_path: Path) -> None:
    columns = {"image": pa.array([None, b"x"], pa.binary()), "label": ["a", "b"]}
    images = table_at(written(tmp_path / "x.parquet", columns)).images()
    assert [image.data for image in images] == [b"", b"x"]
