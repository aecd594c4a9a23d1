"""A CSV file is read as people save it; what cannot be read is one line that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.published.table_file import audit_file
from reports.published.table_text import TableError, TableText, read_table


def _write(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str) -> TableText:
    return read_table(_write(folder, text))


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\n', "SEP=;\r\n"])
def test_excels_separator_line_is_no_header(tmp_path: Path, first: str) -> None:
    table = read(tmp_path, f"{first}Model;Accuracy\nA;0,95\n")
    assert table.headers == ("Model", "Accuracy")
    assert table.rows == ({"Model": "A", "Accuracy": "0,95"},)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_title_above_the_header_is_passed_over(tmp_path: Path, separator: str) -> None:
    text = "Table 3. Results, all models; accuracy first\n\nModel|Accuracy\nA|95.5\n"
    table = read(tmp_path, text.replace("|", separator))
    assert table.headers == ("Model", "Accuracy")
    assert len(table.rows) == 1
    assert table.title.startswith("Table 3. Results")


def test_a_title_that_is_a_metrics_name_is_no_header(tmp_path: Path) -> None:
    assert read(tmp_path, "Accuracy\nModel,Accuracy\nA,0.9\n").headers == ("Model", "Accuracy")


def test_a_column_without_a_name_names_the_rows(tmp_path: Path) -> None:
    lines = audit_file(_write(tmp_path, ",accuracy,\nA,0.95,\nB,0.91,\n")).lines
    assert [line.label for line in lines] == ["A", "B"]


def test_quoted_headers_may_have_line_breaks(tmp_path: Path) -> None:
    table = read(tmp_path, 'Model,"Accuracy\n(%)"\n"A, large",95\n')
    assert table.rows[0]["Model"] == "A, large"


@pytest.mark.parametrize(
    "text",
    [
        'Model,Accuracy\n"A,0.99\nB,0.2\n',
        'Model,Accuracy\n"A,0.99\n"B",0.2\n',
        'Model,Accuracy\n"A,0.99\nB,0.2\nC",0.9\n',
    ],
)
def test_a_quote_that_is_not_closed_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(TableError, match=r'line 2: a quote \("\) is opened and not closed'):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("model,auc\na,0.5\n", "has columns model, auc; expected one or more of accuracy"),
        (
            "acc,Test accuracy\n1,1\n",
            "columns 'acc' and 'Test accuracy' are both taken for accuracy",
        ),
        ("model,accuracy\nA,0,95\n", "row 1: 3 values under 2 columns; quote those with a comma"),
        ("accuracy\n", "has a header and no rows"),
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("sep=;\n", "has columns none"),
        ("accuracy\nabout 0.5\n", "no number can be read under 'accuracy': accuracy 'about 0.5'"),
        ("accuracy\n-\n", "no number can be read under 'accuracy': all cells are empty"),
    ],
)
def test_a_file_that_is_no_such_table_is_one_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(TableError, match=r"(?s)^[^\n]*$") as caught:
        audit_file(path)
    assert f"table '{path}': {complaint}" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (bytes(range(256)), "cannot be read"),
        ("Modèle,accuracy\n".encode("latin-1"), "save it as CSV UTF-8"),
        (b"PK\x03\x04rest", "is a spreadsheet: save it as CSV"),
        (b"\xd0\xcf\x11\xe0rest", "is a spreadsheet: save it as CSV"),
    ],
)
def test_a_file_that_is_no_text_is_one_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=complaint):
        audit_file(path)
