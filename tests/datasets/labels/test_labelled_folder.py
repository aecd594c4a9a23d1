"""Labels from a table: what is read, and what each mistake is told."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.errors import DataError
from datasets.labels.labelled_folder import read_labelled_folder
from datasets.sources import Contents


def write(root: Path, *names: str) -> None:
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(f"image {number}".encode())


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Contents]:
    """Reads `data/` with the labels of a table of this content."""
    write(tmp_path / "data", "scans/1.png", "scans/2.png", "more/3.png")

    def of(table: str | bytes | dict[str, Any], **options: Any) -> Contents:
        path = tmp_path / ("labels.parquet" if isinstance(table, dict) else "labels.csv")
        if isinstance(table, dict):
            pq.write_table(pa.table(table), path)
        else:
            path.write_bytes(table if isinstance(table, bytes) else table.encode())
        return read_labelled_folder(str(tmp_path / "data"), str(path), **options)

    return of


def classes(found: Contents) -> dict[str, str]:
    return {file.path: file.class_name for file in found.files}


LABELS = {"more/3.png": "b", "scans/1.png": "a", "scans/2.png": "b"}


@pytest.mark.parametrize(
    "table",
    [
        "path,label\nscans/1.png,a\nscans/2.png,b\nmore/3.png,b\n",
        "Label;Path\r\na;scans\\1.png\r\nb;scans/2.png\r\nb;data/more/3.png\r\n",
        "\ufeffimage\tclass\n1.png\ta\n2\tb\n3.png\tb\n",
        "sep=;\npath;label;\nscans/1.png; a ;\nscans/2.png;b;\nmore/3.png;b;\n\n",
    ],
)
def test_a_table_labels_images_by_path_or_name_in_any_separator(
    read: Callable[..., Contents], table: str
) -> None:
    assert classes(read(table)) == LABELS


def test_a_parquet_table_labels_images(read: Callable[..., Contents]) -> None:
    found = read({"path": ["1", "2", "3"], "label": [0, 1, 1], "age": [71.0, None, 30.5]})
    assert list(classes(found).values()) == ["1", "0", "1"]
    assert found.known.metadata["age"].to_dict() == {
        "scans/1.png": "71",
        "scans/2.png": "",
        "more/3.png": "30.5",
    }


def test_images_are_identified_by_their_content(
    read: Callable[..., Contents], tmp_path: Path
) -> None:
    hashes = [hashlib.sha256(f"image {i}".encode()).hexdigest() for i in range(3)]
    (tmp_path / "data" / "copy.png").write_bytes(b"image 0")
    table = f"image_id,label\n{hashes[0]},a\n{hashes[0]}-2,a\n{hashes[1]},b\n{hashes[2]},b\n"
    assert classes(read(table)) == {**LABELS, "copy.png": "a"}
    with pytest.raises(DataError, match="images are identified by their content"):
        read(f"image_id,label\n{hashes[0]},a\n{'0' * 64},b\n")


def test_group_and_split_and_further_columns_are_kept_apart(read: Callable[..., Contents]) -> None:
    found = read(
        "path,dx,group,split,age,note\n1,a,p1,train,70,x\n2,b,p1,Test,,x\n3,b,,validation,9,y\n",
        label="DX",
    )
    assert classes(found) == LABELS
    assert found.known.groups == {"scans/1.png": "p1", "scans/2.png": "p1", "more/3.png": ""}
    assert {file.path: file.origin for file in found.files} == {
        "scans/1.png": "train",
        "scans/2.png": "test",
        "more/3.png": "val",
    }
    assert list(found.known.metadata) == ["age", "note"]


def test_folders_at_the_top_are_the_split_of_a_table_without_one(tmp_path: Path) -> None:
    write(tmp_path, "train/1.png", "Test set/2.png", "3.png")
    table = tmp_path / "labels.csv"
    table.write_text("path,label\n1,a\n2,b\n3,b\n")
    found = read_labelled_folder(str(tmp_path), str(table))
    assert [file.origin for file in found.files] == ["", "test", "train"]
    assert found.others == []  # the table itself is not reported


def test_masks_need_no_row_and_do_not_make_names_ambiguous(tmp_path: Path) -> None:
    write(
        tmp_path, "images/1.png", "images/2.png", "masks/1.png", "masks/2.png", "images/2_mask.png"
    )
    table = tmp_path / "labels.csv"
    table.write_text("path,label\n1.png,a\n2.png,b\n")
    found = read_labelled_folder(str(tmp_path), str(table))
    assert classes(found) == {"images/1.png": "a", "images/2.png": "b"}
    assert any("3 images as masks" in remark.text for remark in found.remarks)


ROWS = "scans/1.png,a\nscans/2.png,b\n"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "it has no rows"),
        ("path,label\n", "it has no rows"),
        ("name,label\n1,a\n", "no column path; its columns are name, label"),
        ("path,dx\n1,a\n", "no column label; choose one of path, dx by data.label"),
        ("path,label,class\n1,a,b\n", "two columns may hold the labels, label and class"),
        ("path,label,Label\n1,a,b\n", "two columns are called label; rename one"),
        ("path,label,weight\n1,a,2\n", "column weight: images cannot be weighted"),
        (f"path,label\n{ROWS}more/4.png,b\n", "1 of its 3 images are not in the folder .*line 4"),
        (f"path,label\n{ROWS}", "1 of 3 images is not in it .*'more/3.png'.*labels_unmatched"),
        (f"path,label\n{ROWS}3,\n", "line 4: '3' has no label .*1 of 3 rows.*labels_unmatched"),
        (f"path,label\n{ROWS}3,b\n1,a\n", "line 5: 'scans/1.png' is also in line 2; keep one"),
        (f"path,label\n{ROWS}3,b\n1,b\n", "line 5: .* 'b' here and 'a' in line 2: .*multi-label"),
        (f"path,label\n{ROWS}3,a|b\n", r"line 4: .*several labels \('a\|b'\).*multi-label"),
        (f'path,label\n{ROWS}3,"b, a"\n', r"line 4: .*several labels \('b, a'\)"),
        (f"path,label\n{ROWS}3,['a']\n", r"line 4: .*several labels"),
        (f"path,label\n{ROWS},b\n", "line 4: column path is empty"),
        (f"path,label\n{ROWS}3,a,b\n", "line 4: 3 values for 2 columns; put values"),
        ("path,label,split\n1,a,train\n2,b,holdout\n", "line 3: split='holdout': expected train"),
        ("path,label\n1,caf\xe9\n".encode("latin-1"), "not a CSV file in UTF-8 .*save it as"),
        ("path,label\n1,a\n".encode("utf-16"), "not a CSV file in UTF-8"),
        ("path,label\n9,a\n8,b\n", "2 of its 2 images are not in the folder"),
        ({"path": ["1"], "label": [["a", "b"]]}, "row 1: .*several labels"),
    ],
)
def test_every_mistake_is_one_line_with_a_way_out(
    read: Callable[..., Contents], table: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(table)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("data.labels=")


def test_a_missing_file_a_wrong_kind_and_a_mistyped_column_are_told(tmp_path: Path) -> None:
    write(tmp_path / "data", "1.png")
    table = tmp_path / "labels.csv"
    for path, reason in ((table, "no such file"), (tmp_path / "x.xlsx", "a .csv or .parquet")):
        with pytest.raises(DataError, match=reason):
            read_labelled_folder(str(tmp_path / "data"), str(path))
    (tmp_path / "no.parquet").write_text("path,label\n")
    with pytest.raises(DataError, match="not a Parquet file"):
        read_labelled_folder(str(tmp_path / "data"), str(tmp_path / "no.parquet"))
    table.write_text("path,diagnosis\n1,a\n")
    with pytest.raises(DataError, match=r"data.label='diagnose' \(did you mean diagnosis\?\)"):
        read_labelled_folder(str(tmp_path / "data"), str(table), label="diagnose")


def test_an_ambiguous_name_is_refused_and_its_path_is_not(tmp_path: Path) -> None:
    write(tmp_path / "data", "x/1.png", "y/1.png")
    table = tmp_path / "labels.csv"
    table.write_text("path,label\n1.png,a\n")
    with pytest.raises(DataError, match=r"line 2: '1\.png' may be any of 'x/1\.png', 'y/1\.png'"):
        read_labelled_folder(str(tmp_path / "data"), str(table))
    table.write_text("path,label\nx/1.png,a\ny/1.png,b\n")
    found = read_labelled_folder(str(tmp_path / "data"), str(table))
    assert classes(found) == {"x/1.png": "a", "y/1.png": "b"}


def test_what_does_not_match_is_left_out_on_request(read: Callable[..., Contents]) -> None:
    found = read("path,label\n1,a\n2,\n7,b\n", unmatched="leave_out")
    assert classes(found) == {"scans/1.png": "a"}
    texts = " ".join(remark.text for remark in found.remarks)
    for left_out in ("1 row without an image", "1 image without a label", "1 image without a row"):
        assert left_out in texts
    with pytest.raises(DataError, match="2 of its 2 images are not in the folder") as caught:
        read("path,label\n7,a\n8,b\n", unmatched="leave_out")
    assert "labels_unmatched" not in str(caught.value)


def test_labels_with_separators_in_their_names_are_one_label(
    read: Callable[..., Contents],
) -> None:
    found = read("path;label\n1;fracture, oblique\n2;fracture\n3;fracture, oblique\n")
    assert set(classes(found).values()) == {"fracture", "fracture, oblique"}
