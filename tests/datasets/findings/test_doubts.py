"""A label is doubtful only if chance does not explain its neighbours."""

import numpy as np
import pandas as pd

from datasets.findings.doubts import agreement, doubtful_labels, voters
from datasets.findings.labels import rank_labels


def clusters(apart: float, each: int = 60, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Two classes of points on the circle, `apart` in radians, with some noise."""
    rng = np.random.default_rng(seed)
    names = np.repeat(["a", "b"], each)
    angle = np.where(names == "a", 0.0, apart) + rng.normal(0, 0.2, 2 * each)
    ids = [f"{n:03d}" for n in range(2 * each)]
    images = pd.DataFrame({"image_id": ids, "class": names, "group": ids})
    return images, np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def ranked(images: pd.DataFrame, features: np.ndarray) -> pd.DataFrame:
    return rank_labels(images, features, voters(images))


def test_a_wrong_label_between_clear_classes_is_found_and_no_correct_one() -> None:
    images, features = clusters(apart=2.0)
    images.loc[7, "class"] = "b"
    found = doubtful_labels(ranked(images, features), images)
    assert list(found["image_id"]) == ["007"]
    assert list(found["suggested"]) == ["a"]
    assert found["votes"][0] == found["voters"][0] == voters(images)


def test_no_label_is_doubtful_if_appearance_does_not_predict_the_class() -> None:
    called = 0
    for seed in range(20):
        images, features = clusters(apart=0.0, seed=seed)
        called += len(doubtful_labels(ranked(images, features), images)) > 0
    assert called <= 3  # by chance 1 of 20


def test_a_group_of_copies_has_one_vote() -> None:
    images, features = clusters(apart=2.0)
    images.loc[7, "class"] = "b"
    first = images["image_id"] < "050"  # of the 60 of class a, which surround image 7
    images.loc[first & (images["class"] == "a"), "group"] = "copies of one"
    table = ranked(images, features)
    assert list(table.loc[table["image_id"] == "007", "suggested"]) == ["a"]
    assert doubtful_labels(table, images).empty


def test_the_label_of_a_class_with_one_group_is_not_doubtful() -> None:
    images, features = clusters(apart=2.0)
    images.loc[images["class"] == "a", "group"] = "copies of one"
    assert doubtful_labels(ranked(images, features), images).empty


def test_more_neighbours_vote_if_agreement_is_less_informative() -> None:
    two, many = (pd.DataFrame({"class": np.repeat([*"abcdefghij"][:k], 600 // k)}) for k in (2, 10))
    assert 10 <= voters(many) < voters(two) <= 50


def test_an_empty_ranking_has_no_doubtful_labels() -> None:
    images, features = clusters(apart=2.0)
    nothing = rank_labels(images.assign(group="all"), features)
    assert doubtful_labels(nothing, images).empty
    assert agreement(nothing) == 0


def test_agreement_is_the_share_predicted_correctly_by_neighbours() -> None:
    assert agreement(ranked(*clusters(apart=2.0))) > 0.98
    assert 0.3 < agreement(ranked(*clusters(apart=0.0))) < 0.7
