"""CSV files of groups are read in the forms in which people save them."""

from pathlib import Path

import pytest

from datasets.errors import DataError
from datasets.groups import known_pairs
from tests.datasets.test_groups import groups, manifest


def test_a_csv_gives_groups_for_paths_from_the_root_or_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table = tmp_path / "known.csv"
    table.write_text("group,path\nx,a/P1_1.png\nx,data/b/P2_9.png\n,a/P2_1.png\nx,./a/P1_2.png\n")
    found = known_pairs(manifest(), str(table), str(tmp_path / "data"))
    assert found.unmatched == 2
    assert groups(manifest(), str(table), str(tmp_path / "data")) == [
        "a/P1_1.png a/P1_2.png b/P2_9.png"
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("file,group\na/P1_1.png,x\n", "no column path; expected path and group"),
        ("", "no column path and group"),
        (
            "path,group\na/none.png,x\na/no.png,x\n",
            "none of its 2 files is in the data .*'a/none.png' in line 2",
        ),
        ('path,group\n"a/P1_1.png,x\na/P1_2.png,x\n', "not a CSV file in UTF-8"),
        ("path,group\na/P1_1.png,x\na/P1_1.png,y\n", "line 3: .* in two groups, 'x' and 'y'"),
        (b"path,group\n\xff\xfe,x\n", "not a CSV file in UTF-8"),
        (None, "cannot be read: No such file"),
    ],
)
def test_errors_in_the_csv_are_one_line(
    tmp_path: Path, content: str | bytes | None, reason: str
) -> None:
    table = tmp_path / "known.csv"
    if content is not None:
        table.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=reason) as caught:
        known_pairs(manifest(), str(table), str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "path;group\na/P1_1.png;x\na/P1_2.png;x\n",
        "path\tgroup\na/P1_1.png\tx\na/P1_2.png\tx\n",
        "Path , GROUP\na/P1_1.png , x\na/P1_2.png,x \n",
        "sep=;\r\npath;group;remark\r\na/P1_1.png;x;\r\na/P1_2.png;x;a,b,c\r\n",
        "\ufeffgroup,path\nx,a/P1_1.png\nx,a\\P1_2.png\n",
    ],
)
def test_a_csv_is_read_as_spreadsheets_write_it(tmp_path: Path, content: str) -> None:
    table = tmp_path / "known.csv"
    table.write_bytes(content.encode())
    assert groups(manifest(), str(table)) == ["a/P1_1.png a/P1_2.png"]


def test_listed_files_missing_from_the_data_are_counted_and_do_not_stop_the_run(
    tmp_path: Path,
) -> None:
    table = tmp_path / "known.csv"
    rows = ["path,group", "a/P1_1.png,x", "a/P1_2.png,x", "a/none.png,x", "a/no.png,y"]
    for lines, said in (
        (rows, "2 of its 4 files are not in the data (the first is 'a/none.png' in"),
        (rows[:4], "1 of its 3 files is not in the data ('a/none.png' in line 4)"),
    ):
        table.write_text("\n".join(lines))
        (remark,) = known_pairs(manifest(), str(table), str(tmp_path)).remarks
        assert said in remark.text
        assert remark.advice
        assert groups(manifest(), str(table)) == ["a/P1_1.png a/P1_2.png"]
    table.write_text("\n".join(rows[:3]))
    assert known_pairs(manifest(), str(table), str(tmp_path)).remarks == ()
