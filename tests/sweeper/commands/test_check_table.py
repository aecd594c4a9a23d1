"""`sweep.py check-table`: a line for every row, and the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeper.cli import main

SHIPPED = Path(__file__).parents[3] / "reports" / "published" / "tables_1_to_6.csv"
Captured = pytest.CaptureFixture[str]


def _write(folder: Path, text: str) -> str:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_papers_own_tables_have_findings(capsys: Captured) -> None:
    assert main(["check-table", str(SHIPPED)]) == 1
    out = capsys.readouterr().out
    assert "accuracy 0.6363 is possible as 42/66" in out
    assert "accuracy 0.9663 is impossible with n=66, possible as 574/594 (9 x 66)" in out
    assert out.splitlines()[-1] == "26 of 60 rows are impossible."


def test_a_consistent_table_has_exit_code_0(tmp_path: Path, capsys: Captured) -> None:
    table = _write(tmp_path, "model,accuracy,recall\na,63.63,63.63\nb,50.00,50.00\n")
    assert main(["check-table", table, "--n-test", "66"]) == 0
    assert "No row is impossible." in capsys.readouterr().out


def test_macro_recall_need_not_equal_accuracy(tmp_path: Path) -> None:
    table = _write(tmp_path, "accuracy,recall\n0.50,0.60\n")
    assert main(["check-table", table]) == 1
    assert main(["check-table", table, "--average", "macro"]) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["no/such.csv"], "table 'no/such.csv': cannot be read (No such file or directory)"),
        ([str(SHIPPED), "--n-test", "0"], "--n-test 0: expected 1 to 1000000"),
    ],
)
def test_a_user_error_is_one_line_and_exit_code_2(
    arguments: list[str], complaint: str, capsys: Captured
) -> None:
    assert main(["check-table", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"error: {complaint}\n"
    assert not captured.out


def test_ordinary_notation_does_not_stop_the_check(tmp_path: Path, capsys: Captured) -> None:
    cells = ["92.4 ± 1.2", "95.3 (94.1-96.0)", "~95.5", "92.4*", "**93.9**", "61/66", "9.55e-1"]
    rows = "".join(f"m{number},{cell},0.95\n" for number, cell in enumerate(cells))
    table = _write(tmp_path, f"model,accuracy,AUC\n{rows}")
    assert main(["check-table", table, "--n-test", "66"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "row 3, m2: not checked: accuracy '~95.5' cannot be read as a number"
    assert lines[5] == "row 6, m5: accuracy 61/66 is possible as 61/66"
    assert lines[-1] == "No row is impossible. 1 cell was not checked."
