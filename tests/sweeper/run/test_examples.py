"""Which test images of a champion are explained."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from sweeper.run.examples import choose_examples, spread_ranks


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


def test_half_of_the_examples_are_wrong() -> None:
    assert chosen(2, 0) == ["2", "0"]
    assert set(chosen(4, 0)) == {"2", "5", "0", "4"}, "of each class one of either kind"


def test_the_median_confidence_comes_first_and_the_surest_late() -> None:
    """Of correct images and of mistakes."""
    sures = (0.51, 0.6, 0.7, 0.8, 0.99)
    for predicted, kind in ((0, "correct"), (1, "misclassified")):
        rows = predictions(*[(0, predicted, sure) for sure in sures])
        found = choose_examples(rows, 0, 5)
        assert list(found["confidence"]) == [0.7, 0.6, 0.8, 0.51, 0.99]
        places = ["median", "lower", "higher", "lower", "higher"]
        assert list(found["chosen"]) == [f"{kind}, {place} confidence" for place in places]


@given(st.integers(0, 400))
def test_every_beginning_is_spread_over_the_ranks(count: int) -> None:
    ranks = spread_ranks(count)
    assert sorted(ranks) == list(range(count))
    half = sum(rank < count / 2 for rank in ranks[: count // 2])
    assert abs(half - count / 4) <= 2


def test_per_class_adds_a_right_and_a_wrong_one_of_each_class() -> None:
    assert sorted(chosen(0, 1)) == ["0", "2", "4", "5"]


def test_no_image_is_explained_twice() -> None:
    both = chosen(2, 1)
    assert both[:2] == ["2", "0"]
    assert sorted(both) == ["0", "2", "4", "5"]


def test_a_class_with_fewer_examples_gives_what_it_has() -> None:
    assert sorted(chosen(0, 5)) == ["0", "1", "2", "3", "4", "5"]


def test_a_test_set_without_mistakes_gives_correct_ones() -> None:
    rows = predictions((0, 0, 0.9), (1, 1, 0.8), (1, 1, 0.7))
    assert sorted(choose_examples(rows, 4)["image_id"]) == ["0", "1", "2"]
