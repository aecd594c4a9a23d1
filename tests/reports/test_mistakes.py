"""The pairs of classes that are confused most, and which pictures they need."""

from __future__ import annotations

import pandas as pd

from reports.mistakes import MOST_EXAMPLES, MOST_PAIRS, most_mistaken, pictured


def predictions(*rows: tuple[str, str, str, int, float]) -> pd.DataFrame:
    """Rows (image, label, predicted, copy, probability of the predicted class)."""
    return pd.DataFrame(
        [
            {
                "image_id": image,
                "copy": copy,
                "label": label,
                "predicted": predicted,
                "probabilities": [sure, 1 - sure],
            }
            for image, label, predicted, copy, sure in rows
        ]
    )


def test_pairs_are_ordered_by_rows_then_by_share_of_the_class() -> None:
    found = most_mistaken(
        predictions(
            ("1", "a", "b", 0, 0.9),
            ("2", "a", "b", 0, 0.8),
            ("3", "a", "a", 0, 0.8),
            ("4", "a", "a", 0, 0.8),
            ("5", "b", "a", 0, 0.7),
            ("6", "b", "b", 0, 0.7),
            ("7", "c", "a", 0, 0.7),
        )
    )
    assert [(one.label, one.predicted, one.count, one.of) for one in found] == [
        ("a", "b", 2, 4),
        ("c", "a", 1, 1),
        ("b", "a", 1, 2),
    ]


def test_examples_are_different_images_the_surest_first_and_copies_last() -> None:
    (pair,) = most_mistaken(
        predictions(
            ("1", "a", "b", 3, 0.99),
            ("1", "a", "b", 0, 0.6),
            ("2", "a", "b", 0, 0.9),
            ("3", "a", "b", 5, 0.95),
        )
    )
    assert [(one.image_id, one.copy) for one in pair.examples] == [("2", 0), ("1", 0)]
    assert pair.examples[0].confidence == 0.9


def test_a_cell_that_is_never_wrong_has_no_pairs() -> None:
    assert most_mistaken(predictions(("1", "a", "a", 0, 0.9))) == []


def test_many_mistakes_need_few_pictures() -> None:
    rows = [(f"{i}", f"c{i % 5}", f"c{(i + 1) % 5}", 0, 0.9) for i in range(100)]
    found = most_mistaken(predictions(*rows))
    assert len(found) == MOST_PAIRS
    assert len(list(pictured([found]))) == MOST_PAIRS * MOST_EXAMPLES


def test_every_cell_has_its_first_picture_before_any_has_a_second_and_none_twice() -> None:
    one = most_mistaken(predictions(("1", "a", "b", 0, 0.9), ("2", "a", "b", 0, 0.8)))
    two = most_mistaken(predictions(("3", "a", "b", 0, 0.9), ("1", "a", "b", 0, 0.8)))
    assert list(pictured([one, two])) == ["1", "3", "2"]
