"""Flat images are reported as flat and form no pairs."""

import pandas as pd

from datasets.findings.flat import flat_images, without_flat_pairs
from datasets.pairs import pair_table

IMAGES = pd.DataFrame({"image_id": ["a", "b", "c", "d"], "contrast": [0.0, 0.4, 1.5, 60.0]})


def test_images_of_nearly_one_colour_are_flat() -> None:
    assert list(flat_images(IMAGES)["image_id"]) == ["a", "b"]


def test_pairs_of_flat_images_are_left_out_unless_made_by_a_user_rule() -> None:
    pairs = pair_table(
        [
            ("a", "b", "exact", 1.0, "identity"),
            ("b", "d", "near", 0.8, "identity"),
            ("a", "c", "user", 1.0, "patient"),
            ("c", "d", "near", 0.9, "identity"),
        ]
    )
    left = without_flat_pairs(pairs, IMAGES)
    assert list(left["image_id_a"] + left["image_id_b"]) == ["ac", "cd"]
