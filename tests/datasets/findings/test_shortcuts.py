"""A class that its size or file type gives away is reported; chance is not."""

import numpy as np
import pandas as pd
import pytest

from datasets.findings.shortcuts import guess_from_size


def images(classes: int = 3, each: int = 40, seed: int = 0) -> pd.DataFrame:
    """Images whose sizes are independent of their class."""
    rng = np.random.default_rng(seed)
    number = classes * each
    return pd.DataFrame(
        {
            "path": [f"{n}.png" for n in range(number)],
            "class": np.repeat([f"class {c}" for c in range(classes)], each),
            "group": [f"{n}" for n in range(number)],
            "width": rng.integers(200, 400, number),
            "height": rng.integers(200, 400, number),
        }
    )


@pytest.mark.parametrize("seed", range(8))
def test_uninformative_sizes_are_not_a_shortcut(seed: int) -> None:
    guess = guess_from_size(images(seed=seed))
    assert guess is not None
    assert guess.chance == pytest.approx(1 / 3)
    assert abs(guess.accuracy - guess.chance) < 0.2
    assert not guess.is_shortcut


def test_a_class_of_larger_pictures_is_a_shortcut() -> None:
    table = images()
    table.loc[table["class"] == "class 1", ["width", "height"]] += 400
    guess = guess_from_size(table)
    assert guess is not None
    assert guess.is_shortcut
    assert guess.accuracy > 0.6


def test_a_class_of_another_file_type_is_a_shortcut() -> None:
    table = images()
    of_class = table["class"] == "class 2"
    table.loc[of_class, "path"] = table["path"].str.replace(".png", ".JPG")
    guess = guess_from_size(table)
    assert guess is not None
    assert guess.is_shortcut


def test_copies_do_not_give_away_their_original() -> None:
    table = images(each=12)
    copied = pd.concat([table] * 8, ignore_index=True)
    guess = guess_from_size(copied)
    assert guess is not None
    assert not guess.is_shortcut


def test_too_few_groups_give_no_result() -> None:
    assert guess_from_size(images(classes=1)) is None
    assert guess_from_size(images(each=3)) is None
