"""Each value is judged on the scale and by the decimals that it has itself."""

from __future__ import annotations

from reports.published.table_file import Audit, audit_rows


def audit(*texts: str, percent: bool | None = None, header: str = "accuracy") -> Audit:
    return audit_rows([{header: text} for text in texts], 66, percent=percent)


def counts(found: Audit) -> list[int | None]:
    return [line.count for line in found.lines]


def test_fractions_and_percentages_in_one_column_are_both_read_and_named() -> None:
    for header in ("accuracy", "Accuracy (%)"):
        found = audit("0.95", "95.5", "92.42", header=header)
        assert (counts(found), found.findings) == ([63, 63, 61], 0)
        assert "fractions and percentages are mixed in accuracy" in found.notes[0]
    assert "mixed" not in " ".join(audit("0", "95.5", "92.4").notes)  # 0 is 0 on both scales


def test_the_unit_that_the_user_gives_decides() -> None:
    assert counts(audit("0.95", "95.5", percent=True)) == [None, 63]
    assert [line.findings[0].kind for line in audit("95.5", percent=False).lines] == ["range"]


def test_columns_need_not_be_on_one_scale() -> None:
    row = {"accuracy": "95.45", "recall": "0.9545", "precision": "0.96", "f1": "95.5"}
    assert audit_rows([row], 66).findings == 0


def test_mixed_decimals_are_named_where_they_are_of_one_scale() -> None:
    (note,) = audit("95.5", "92.42").notes
    assert (
        note == "the number of decimals varies (accuracy 1 to 2): each value is judged by its own"
    )
    assert not audit("95.5", "92.4").notes
    assert not audit("95.5", "61/66").notes
    assert not audit("95.5 %", "0.92").notes  # the sign says which is which
