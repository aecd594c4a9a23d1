"""Detect flat images: of one colour, or so nearly that neither eye nor network sees a difference.

They decode to equal pixels, so they would count as copies of each other, and as wrong labels if
they are in two classes. The cause is the export, the window or the transparency.
"""

import pandas as pd

NEARLY_CONSTANT = 1.0  # grey levels of 255: the largest standard deviation of a colour channel


def flat_images(images: pd.DataFrame) -> pd.DataFrame:
    """The rows whose `contrast` is under `NEARLY_CONSTANT`."""
    return images[images["contrast"] < NEARLY_CONSTANT]


def without_flat_pairs(duplicates: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """The pairs of `duplicates` without flat images, and those made by a user's rule."""
    flat = set(flat_images(images)["image_id"])
    is_flat = duplicates["image_id_a"].isin(flat) | duplicates["image_id_b"].isin(flat)
    return duplicates[~is_flat | (duplicates["kind"] == "user")].reset_index(drop=True)
