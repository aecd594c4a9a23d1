"""The scores of a comparison are scikit-learn's, and their intervals count groups, not images."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from benchmarks.peers.scores import Score, scores
from benchmarks.peers.table import markdown, summary


def predictions(
    images: int = 120, groups: int = 120, seed: int = 0, right: float = 0.6
) -> pd.DataFrame:
    """Predictions of three uneven classes; images of a group are all right or all wrong."""
    rng = np.random.default_rng(seed)
    group = np.arange(images) % groups
    label = rng.choice(["a", "b", "c"], groups, p=[0.7, 0.2, 0.1])[group]
    is_right = (rng.random(groups) < right)[group]
    return pd.DataFrame(
        {
            "image_id": [f"{number:03}" for number in range(images)],
            "group": group.astype(str),
            "label": label,
            "predicted": np.where(is_right, label, np.where(label == "a", "b", "a")),
        }
    )


def test_values_are_those_of_scikit_learn_and_inside_their_intervals() -> None:
    rows = predictions()
    found = scores(rows)
    labels, predicted = rows["label"], rows["predicted"]
    assert found["accuracy"].value == pytest.approx(accuracy_score(labels, predicted))
    balanced = balanced_accuracy_score(labels, predicted)
    assert found["balanced_accuracy"].value == pytest.approx(balanced)
    for one in found.values():
        assert one.low < one.value < one.high


def test_images_of_one_group_do_not_count_as_many() -> None:
    apart, together = scores(predictions())["accuracy"], scores(predictions(groups=12))["accuracy"]
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_a_contender_does_not_differ_from_itself_and_pairing_narrows_a_difference() -> None:
    rows = predictions()
    assert set(scores(rows, rows).values()) == {Score(0.0, 0.0, 0.0)}
    better = rows.assign(predicted=rows["predicted"].where(rows.index % 10 > 0, rows["label"]))
    difference = scores(better, rows)["accuracy"]
    alone = scores(rows)["accuracy"]
    assert difference.value > 0
    assert difference.high - difference.low < alone.high - alone.low


def test_the_table_has_a_row_for_each_contender_and_the_mean_seconds_of_its_folds() -> None:
    common = {"versions": '{"timm": "1.0"}'}
    rows = pd.concat(
        predictions(seed=fold, right=right).assign(
            contender=name, fold=fold, wall_s=wall_s, **common
        )
        for name, right, seconds in (("first", 0.9, (10, 20)), ("second", 0.3, (1, 2)))
        for fold, wall_s in zip((1, 2), seconds, strict=True)
    )
    first, second = summary(rows)
    assert (first["contender"], first["wall_s"], first["test_images"]) == ("first", 15.0, 240)
    assert first["difference"]["accuracy"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert second["difference"]["accuracy"]["high"] < 0
    lines = markdown([first, second]).splitlines()
    accuracy = 100 * first["accuracy"]["value"]
    assert lines[2].startswith(f"| first | 15 | {accuracy:.1f} (")
    assert "| -" in lines[3]
