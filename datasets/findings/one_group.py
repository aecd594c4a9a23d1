"""Detect grouping rules that put most images into one group: anonymised PatientIDs, loose regexes.

Anonymised DICOM files often share one PatientID ("ANON", "0"). Grouping by it leaves nothing to
split.
"""

from dataclasses import dataclass

import pandas as pd

_MAX_SHARE = 0.5  # of all images


@dataclass(frozen=True)
class OneGroup:
    """One group by `by` ("patient" or "group") that contains `images` of all `total` images."""

    by: str
    images: int
    total: int

    def __str__(self) -> str:
        share = f"{self.images} of {self.total} images"
        if self.by == "patient":
            return (
                f"{share} have the same DICOM PatientID: a placeholder, unless they are all of one "
                "patient; data.use_patient_id=false ignores it"
            )
        return (
            f"data.group_by puts {share} into one group: check whether it matches a part that all "
            "names share"
        )


def overfull_groups(images: pd.DataFrame, duplicates: pd.DataFrame) -> list[OneGroup]:
    """The user's and patients' groups that contain more than half of all images.

    Args:
        images: usable rows only.
        duplicates: `pairs.PAIR_COLUMNS`; those of kind "user" are stars around a group's first
            image, as built by `groups.known_pairs`.
    """
    stars = duplicates[duplicates["kind"] == "user"]
    sizes = stars.groupby(["transform", "image_id_a"]).size() + 1
    largest = sizes.groupby("transform").max() if len(sizes) else sizes
    return [
        OneGroup(str(by), int(size), len(images))
        for by, size in largest.items()
        if size > _MAX_SHARE * len(images)
    ]
