"""A rule that puts most images into one group says nothing: an anonymised PatientID, a loose regex.

Anonymised DICOM files often carry one PatientID for all ("ANON", "0"). Taken at its word it leaves
nothing to split.
"""

from dataclasses import dataclass

import pandas as pd

_MOST = 0.5  # of all images


@dataclass(frozen=True)
class OneGroup:
    """`by` ("patient" or "group") holds `images` of all `total` images together."""

    by: str
    images: int
    total: int

    def __str__(self) -> str:
        held = f"{self.images} of {self.total} images"
        if self.by == "patient":
            return (
                f"{held} have the same DICOM PatientID: a placeholder, if they are not all of one "
                "patient; data.use_patient_id=false leaves it out of account"
            )
        return (
            f"data.group_by puts {held} into one group: look whether it takes what all names share "
            "for what tells them apart"
        )


def overfull_groups(images: pd.DataFrame, duplicates: pd.DataFrame) -> list[OneGroup]:
    """The user's and patients' groups that hold more than half of all images.

    Args:
        images: the usable ones.
        duplicates: `pairs.PAIR_COLUMNS`; those of kind "user" are stars around a group's first
            image, as `groups.known_pairs` makes them.
    """
    stars = duplicates[duplicates["kind"] == "user"]
    sizes = stars.groupby(["transform", "image_id_a"]).size() + 1
    largest = sizes.groupby("transform").max() if len(sizes) else sizes
    return [
        OneGroup(str(by), int(size), len(images))
        for by, size in largest.items()
        if size > _MOST * len(images)
    ]
