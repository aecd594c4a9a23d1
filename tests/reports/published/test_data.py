"""The shipped data are all there, and what is wrong with them is found."""

from __future__ import annotations

from reports.published import other_work, published_audit, published_cells


def _rows_with(kind: str) -> list[tuple[str, str, str]]:
    return [
        (cell.table, cell.backbone, cell.augmentation)
        for cell, line in zip(published_cells(), published_audit().lines, strict=True)
        if any(finding.kind == kind for finding in line.findings)
    ]


def test_all_sixty_cells_are_there_once() -> None:
    cells = published_cells()
    keys = {(c.scenario, c.strategy, c.augmentation, c.backbone) for c in cells}
    assert len(cells) == len(keys) == 60
    assert len({c.backbone for c in cells}) == 5


def test_25_of_30_augmented_accuracies_are_impossible_on_an_unaugmented_test_set() -> None:
    impossible = _rows_with("count")
    assert sum(augmentation == "fec-ige" for _, _, augmentation in impossible) == 25
    assert [row for row in impossible if row[2] == "none"] == [("VI", "vgg16", "none")]


def test_nine_rows_for_each_image_explain_them_beyond_chance() -> None:
    copies = published_audit().copies
    assert copies
    assert (copies.factor, copies.fits, copies.of) == (9, 24, 26)
    assert copies.expected < 3
    assert copies.probability < 1e-15


def test_misprints_are_the_rows_whose_recall_is_not_their_accuracy() -> None:
    assert _rows_with("recall") == [
        ("IV", "mobilenet", "fec-ige"),
        ("VI", "vgg16", "none"),
    ]


def test_no_other_fault_is_claimed() -> None:
    assert not _rows_with("f1")
    assert not _rows_with("range")
    assert not _rows_with("repeated")


def test_table_seven_ends_with_the_paper_itself() -> None:
    assert other_work()[-1].accuracy == 0.9724
    assert len(other_work()) == 13
