"""The folder's own split: taken as it is, or refused in one line."""

import pandas as pd
import pytest

from datasets.errors import DataError
from datasets.splitting.given import given_rows, layer_rows

LAYERS = ["train"] * 10 + ["test"] * 4


def manifest(layers: list[str], other: list[str] | None = None) -> pd.DataFrame:
    both = [*layers, *(LAYERS if other is None else other)]
    ids = [f"{i:04x}" for i in range(len(both))]
    names = ["a"] * len(layers) + ["b"] * (len(both) - len(layers))
    return pd.DataFrame({"image_id": ids, "class": names, "group": ids, "origin": both})


def counts(rows: pd.DataFrame) -> dict[str, int]:
    return {str(part): int(n) for part, n in rows["part"].value_counts().items()}


def test_without_a_validation_layer_its_share_is_taken_from_train() -> None:
    images = manifest(["train"] * 90 + ["test"] * 7, ["train"] * 90 + ["test"] * 3)
    rows = given_rows(images, ["a", "b"], seed=0, copies=0, fractions=(0.8, 0.1, 0.1))
    assert counts(rows) == {"train": 160, "val": 20, "test": 10}
    class_of = images.set_index("image_id")["class"]
    val = class_of[rows.loc[rows["part"] == "val", "image_id"]]
    assert val.value_counts().to_dict() == {"a": 10, "b": 10}


def test_the_seed_decides_what_validates_and_nothing_else() -> None:
    images = manifest(["train"] * 40 + ["test"] * 10)
    first, second = (given_rows(images, ["a", "b"], seed=s, copies=0) for s in (0, 1))
    val, test = (
        [set(rows.loc[rows["part"] == part, "image_id"]) for rows in (first, second)]
        for part in ("val", "test")
    )
    assert val[0] != val[1]
    assert test[0] == test[1]


@pytest.mark.parametrize("name", ["val", "Valid", "VALIDATION", "valid_set", "dev"])
def test_a_validation_layer_is_taken_by_any_of_its_names(name: str) -> None:
    layers = [*LAYERS, name, name]
    rows = given_rows(manifest(layers, layers), ["a", "b"], seed=0, copies=2)
    assert counts(rows) == {"train": 60, "val": 4, "test": 8}


def test_a_small_class_keeps_an_image_to_train_on() -> None:
    rows = given_rows(
        manifest(["train", "train", "test"]),
        ["a", "b"],
        seed=0,
        copies=0,
        fractions=(0.05, 0.9, 0.05),
    )
    assert {"0000", "0001"} & set(rows.loc[rows["part"] == "train", "image_id"])


@pytest.mark.parametrize(
    ("layers", "other", "message"),
    [
        ([""] * 9, [""] * 9, "needs a train and a test layer .*there is neither"),
        (["fold1"] * 9, ["fold2"] * 9, "18 of 18 images are in no train, val or test layer"),
        (["train"] * 9, ["train"] * 9, "there is no test layer"),
        (["test"] * 9, ["test"] * 9, "there is no train layer"),
        (["train"] * 9, LAYERS, "the test layer has no image of class 'a'"),
        (["test"] * 9, LAYERS, "the train layer has no image of class 'a'"),
        ([*LAYERS, "", "holdout"], LAYERS, "2 of 30 images are in no train, val or test layer"),
        (["train", "test"], LAYERS, "class 'a' has one training image"),
    ],
)
def test_what_cannot_be_taken_is_told_in_one_line(
    layers: list[str], other: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        given_rows(manifest(layers, other), ["a", "b"], seed=0, copies=0)
    assert "\n" not in str(caught.value)


def test_layers_are_told_as_they_lie_and_what_is_in_none_is_left_out() -> None:
    images = pd.DataFrame({"image_id": [*"abcd"], "origin": ["train", "valid", "Test", ""]})
    rows = layer_rows(images)
    assert dict(zip(rows["image_id"], rows["part"], strict=True)) == {
        "a": "train",
        "b": "val",
        "c": "test",
    }
