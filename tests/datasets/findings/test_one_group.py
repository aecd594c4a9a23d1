"""Groups by rule or PatientID with more than half of the images are reported, and no others."""

import pandas as pd
import pytest

from datasets.findings.one_group import overfull_groups
from datasets.pairs import pair_table

IMAGES = pd.DataFrame({"image_id": [f"{n}" for n in range(10)]})


def star(size: int, kind: str, by: str) -> pd.DataFrame:
    return pair_table(("0", f"{n}", kind, 1.0, by) for n in range(1, size))


@pytest.mark.parametrize("by", ["patient", "group"])
def test_more_than_half_in_one_group_is_reported(by: str) -> None:
    assert overfull_groups(IMAGES, star(5, "user", by)) == []
    (one,) = overfull_groups(IMAGES, star(6, "user", by))
    assert (one.by, one.images, one.total) == (by, 6, 10)
    assert "6 of 10 images" in str(one)
    assert "\n" not in str(one)


def test_copies_are_not_a_rule() -> None:
    assert overfull_groups(IMAGES, star(9, "near", "identity")) == []
    assert overfull_groups(IMAGES, pair_table([])) == []
