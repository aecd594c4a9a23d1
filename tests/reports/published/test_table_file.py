"""A cell that cannot be read is named and ends nothing."""

from __future__ import annotations

import pytest

from reports.published.table_file import audit_rows
from reports.published.verdicts import conclusions, row_text


def test_a_cell_that_cannot_be_read_is_named_and_the_rest_is_checked() -> None:
    rows = [
        {"model": "A", "accuracy": "~95.5", "precision": "0.80", "recall": "0.60", "f1": "0.72"},
        {"model": "B", "accuracy": "0.9545"},
    ]
    audit = audit_rows(rows, 66)
    first, second = map(row_text, audit.lines)
    assert "F1 0.72 is outside" in first
    assert first.endswith("not checked: accuracy '~95.5' cannot be read as a number")
    assert second == "row 2, B: accuracy 0.9545 is possible as 63/66"
    assert conclusions(audit)[-1] == "1 of 2 rows is impossible. 1 cell was not checked."


@pytest.mark.parametrize("size", ["many", "0", "66.5", "9" * 40])
def test_a_size_that_cannot_be_read_is_named_and_not_replaced(size: str) -> None:
    audit = audit_rows([{"accuracy": "0.9663", "n_test": size}], 66)
    assert audit.findings == 0
    assert f"not checked: n_test '{size}' is not a whole number" in row_text(audit.lines[0])


def test_recall_that_stands_in_for_the_accuracy_is_called_recall() -> None:
    (line,) = audit_rows([{"recall": "0.9545"}], 66).lines
    assert row_text(line) == "row 1: weighted recall 0.9545 is possible as 63/66"


def test_a_row_without_numbers_has_nothing_to_check() -> None:
    lines = audit_rows([{"model": "A", "accuracy": "0.9"}, {"model": "* p < 0.05"}]).lines
    assert row_text(lines[1]) == "row 2, * p < 0.05: nothing to check"


def test_a_total_tells_impossible_rows_from_repeated_ones() -> None:
    row = {"accuracy": "0.5", "f1": "0.5"}
    assert conclusions(audit_rows([row, row]))[-1] == (
        "No row is impossible. 1 row repeats the numbers of another."
    )
    assert conclusions(audit_rows([{"accuracy": "1.02"}]))[-1] == "The only row is impossible."
