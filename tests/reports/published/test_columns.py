"""Which headers are which metric, and numbers as spreadsheets and other languages write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.published.columns import ColumnError, metric_of, read_columns
from reports.published.table_file import Audit, audit_file


def audit(folder: Path, text: str, n_test: int | None = None) -> Audit:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return audit_file(path, n_test)


@pytest.mark.parametrize(
    ("metric", "headers"),
    [
        ("accuracy", ["Accuracy", "ACC", "Acc.", "Test Acc. (%)", "overall_accuracy", "Top-1 acc"]),
        ("precision", ["Prec", "precision_weighted", "Macro avg. precision", "PPV"]),
        ("recall", ["Rec.", "Recall (%)", "sensitivity", "TPR", "weighted recall"]),
        ("f1", ["F1", "f1-score", "F1 score", "f1_score", "F1Score", "F-measure", "F1 (macro)"]),
        ("n_test", ["n_test", "N", "nTest", "test images", "Test size"]),
        (
            None,
            [
                *["balanced accuracy", "macro accuracy", "mean accuracy", "val_acc", "top-5 acc"],
                *["average precision", "mAP", "F2", "F0.5"],
            ],
        ),
    ],
)
def test_a_header_is_a_metric_only_where_its_words_say_nothing_else(
    metric: str | None, headers: list[str]
) -> None:
    assert {header: metric_of(header) for header in headers} == dict.fromkeys(headers, metric)


def test_the_plain_name_wins_over_another_spelling() -> None:
    assert read_columns(["Precision", "macro precision"]).names == {"precision": "Precision"}
    with pytest.raises(ColumnError, match="'acc' and 'test acc' are both taken for accuracy"):
        read_columns(["acc", "test acc"])


@pytest.mark.parametrize(
    ("average", "taken", "left"),
    [
        ("weighted", "Recall (weighted)", "recall macro"),
        ("macro", "recall macro", "Recall (weighted)"),
    ],
)
def test_of_two_averages_the_one_asked_for_is_checked(average: str, taken: str, left: str) -> None:
    columns = read_columns(["Accuracy", "Recall (weighted)", "recall macro"], average)
    assert columns.names["recall"] == taken
    assert columns.numeric([]) == [left]
    assert columns.rules.recall is (average == "weighted")


def test_two_averages_that_are_not_asked_for_are_both_left() -> None:
    columns = read_columns(["F1 (macro)", "F1 (micro)"])
    assert not columns.names
    assert columns.numeric([]) == ["F1 (macro)", "F1 (micro)"]


def test_means_of_different_kinds_are_not_held_against_each_other(tmp_path: Path) -> None:
    """Macro F1 may be above what the weighted precision and recall allow the weighted F1."""
    values = "0.80,0.60,0.72\n"
    assert audit(tmp_path, f"precision,recall,f1\n{values}").findings == 1
    mixed = audit(tmp_path, f"precision,recall,macro f1\n{values}")
    assert mixed.findings == 0
    assert mixed.notes[0].startswith("'macro f1' is not compared with precision and recall")
    macro = "macro precision,macro recall,macro f1\n"
    assert audit(tmp_path, macro + values).findings == 1
    assert audit(tmp_path, f"macro precision,accuracy,macro f1\n{values}").findings == 0


def test_a_mean_behind_a_metric_is_that_metric() -> None:
    names = read_columns(["Accuracy (mean)", "Accuracy (std)", "F1 avg."]).names
    assert names == {"accuracy": "Accuracy (mean)", "f1": "F1 avg."}
    assert not read_columns(["Accuracy", "Recall (mean)"]).rules.recall  # over the classes, then
    assert read_columns(["Accuracy (mean)", "Recall (mean)"]).rules.recall


def test_numbers_are_read_as_they_are_written(tmp_path: Path) -> None:
    values = ["0.95", ".95", "95 %", "95%", "95\xa0%", '"0,95"', "+0.95"]
    for value in values:
        (line,) = audit(tmp_path, f"model,accuracy,n_test\nA,{value},100.0\n").lines
        assert (line.count, line.n_test) == (95, 100), value


@pytest.mark.parametrize("separator", [";", "\t"])
def test_semicolons_and_tabs_part_columns_with_a_decimal_comma(
    tmp_path: Path, separator: str
) -> None:
    rows = ["Modell,Acc.,n_test", "A,92§5,200", "B,95§0,100"]
    text = "\n".join(row.replace(",", separator).replace("§", ",") for row in rows)
    lines = audit(tmp_path, text).lines
    assert [(line.label, line.count) for line in lines] == [("A", 185), ("B", 95)]


def test_a_percent_sign_is_of_its_own_value_or_of_its_column(tmp_path: Path) -> None:
    mixed = audit(tmp_path, "accuracy,n_test\n0.91,100\n92 %,100\n0.93,100\n").lines
    assert [line.count for line in mixed] == [91, 92, 93]
    header = audit(tmp_path, "Acc. (%),n_test\n0.5,200\n0.5,200\n").lines
    assert [line.count for line in header] == [1, 1]


def test_sensitivity_need_not_be_accuracy(tmp_path: Path) -> None:
    assert audit(tmp_path, "accuracy,recall\n0.90,0.80\n").findings == 1
    for name in ("sensitivity", "macro recall"):
        found = audit(tmp_path, f"accuracy,{name}\n0.90,0.80\n")
        assert found.findings == 0
        assert found.notes[0].startswith(f"'{name}' is not compared with the accuracy")


def test_columns_of_numbers_that_are_not_known_are_named(tmp_path: Path) -> None:
    text = "model,accuracy,AUC,params (M),remark\nA,0.91,0.95,25.6,\nB,0.92,,11.7,best\n"
    found = audit(tmp_path, text, 100)
    assert found.notes == ("not checked: AUC, params (M)",)
    assert [line.label for line in found.lines] == ["A", "B best"]
    assert audit(tmp_path, "model,accuracy\nA,0.91\n", 100).notes == ()
