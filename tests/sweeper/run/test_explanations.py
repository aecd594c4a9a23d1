"""Which test images of a champion are explained."""

import pandas as pd

from sweeper.plan.artifacts import ExplanationSettings
from sweeper.run.explanations import _asked, choose_examples


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


def test_half_of_the_examples_are_wrong_the_surest_first() -> None:
    assert chosen(2, 0) == ["2", "4"]


def test_a_correct_example_is_typical_of_its_class_and_not_the_surest() -> None:
    rows = predictions(*[(0, 0, sure) for sure in (0.51, 0.6, 0.7, 0.8, 0.99)])
    assert list(choose_examples(rows, 0, 1)["image_id"]) == ["2"]
    assert list(choose_examples(rows, 0, 1)["chosen"]) == ["typical of the correct ones"]


def test_per_class_adds_a_right_and_a_wrong_one_of_each_class() -> None:
    assert sorted(chosen(0, 1)) == ["0", "2", "4", "5"]


def test_no_image_is_explained_twice() -> None:
    both = chosen(2, 1)
    assert both[:2] == ["2", "4"]
    assert sorted(both) == ["0", "2", "4", "5"]


def test_a_class_with_fewer_examples_gives_what_it_has() -> None:
    assert sorted(chosen(0, 5)) == ["0", "1", "2", "3", "4", "5"]


def test_every_image_has_a_map_before_any_has_a_second() -> None:
    settings = ExplanationSettings(2, 1, "logit", ["black", "blurred"], 1, 64, 0.15)
    examples = [{"predicted": 0, "label": 1}, {"predicted": 2, "label": 2}]
    black = [(0, 0, "black"), (1, 2, "black"), (0, 1, "black")]
    blurred = [(number, label, "blurred") for number, label, _ in black]
    assert _asked(examples, settings) == [*black, *blurred]
