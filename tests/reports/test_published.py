"""What the published numbers can and cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.published import correct_count, other_work, plausible, published_cells


def test_all_sixty_cells_are_there_once() -> None:
    cells = published_cells()
    keys = {(c.scenario, c.strategy, c.augmented, c.backbone) for c in cells}
    assert len(cells) == len(keys) == 60
    assert len({c.backbone for c in cells}) == 5


def test_29_of_30_unaugmented_accuracies_fit_the_test_images() -> None:
    plain = [c for c in published_cells() if not c.augmented]
    impossible = [c for c in plain if not plausible(c.accuracy, c.n_test)]
    assert [(c.table, c.backbone) for c in impossible] == [("VI", "vgg16")]


def test_26_of_30_augmented_accuracies_need_copies_in_the_test_set() -> None:
    augmented = [c for c in published_cells() if c.augmented]
    assert sum(plausible(c.accuracy, c.n_test) for c in augmented) == 4
    assert sum(plausible(c.accuracy, c.n_rows) for c in augmented) == 29


def test_misprints_are_the_rows_whose_recall_is_not_their_accuracy() -> None:
    misprints = [(c.table, c.backbone, c.augmented) for c in published_cells() if c.misprint]
    assert misprints == [("IV", "mobilenet", True), ("VI", "vgg16", False)]


@given(st.integers(1, 1100).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_every_true_fraction_is_plausible_truncated_and_rounded(counts: tuple[int, int]) -> None:
    k, n = counts
    assert correct_count((k * 10_000 // n) / 10_000, n) is not None
    assert correct_count(round(k / n + 1e-12, 4), n) is not None


@pytest.mark.parametrize(("accuracy", "n"), [(0.9663, 66), (0.97, 47), (0.0154, 113)])
def test_an_impossible_accuracy_is_not_plausible(accuracy: float, n: int) -> None:
    assert not plausible(accuracy, n)


def test_table_seven_ends_with_the_paper_itself() -> None:
    assert other_work()[-1].accuracy == 0.9724
    assert len(other_work()) == 13
