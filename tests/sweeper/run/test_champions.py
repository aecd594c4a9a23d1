"""Which test images of a champion are explained."""

import pandas as pd

from sweeper.run.champions import choose_examples


def predictions(*rows: tuple[int, int, float]) -> pd.DataFrame:
    """Rows (label, predicted, probability of the predicted class), images 0, 1, 2, ..."""
    return pd.DataFrame(
        [
            {
                "image_id": str(number),
                "copy": 0,
                "label": label,
                "predicted": predicted,
                "probabilities": [sure, 1 - sure],
            }
            for number, (label, predicted, sure) in enumerate(rows)
        ]
    )


ROWS = [(0, 0, 0.9), (0, 0, 0.8), (0, 1, 0.7), (0, 1, 0.6), (1, 1, 0.95), (1, 0, 0.55)]


def chosen(count: int, per_class: int) -> list[str]:
    return list(choose_examples(predictions(*ROWS), count, per_class)["image_id"])


def test_half_of_the_examples_are_wrong_and_the_surest_come_first() -> None:
    assert chosen(2, 0) == ["2", "4"]


def test_per_class_adds_the_surest_right_and_wrong_one_of_each_class() -> None:
    assert sorted(chosen(0, 1)) == ["0", "2", "4", "5"]


def test_no_image_is_explained_twice() -> None:
    both = chosen(2, 1)
    assert both[:2] == ["2", "4"]
    assert sorted(both) == ["0", "2", "4", "5"]


def test_a_class_with_fewer_examples_gives_what_it_has() -> None:
    assert sorted(chosen(0, 5)) == ["0", "1", "2", "3", "4", "5"]
