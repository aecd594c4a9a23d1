"""Features of the mirrored and of the inverted picture follow from those of the picture."""

import numpy as np
import pytest

from datasets.lookalikes.features import compute_features, features_each
from tests.datasets.lookalikes.small import drawn

PICTURE = np.ascontiguousarray(drawn(3)[::2, ::2])


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_picture_seen_otherwise_has_the_features_that_it_would_be_described_by(
    mirrored: bool, inverted: bool
) -> None:
    changed = np.ascontiguousarray(PICTURE[:, ::-1]) if mirrored else PICTURE
    changed = 255 - changed if inverted else changed
    described = compute_features(changed)
    seen = compute_features(PICTURE).seen(mirrored, inverted)
    similarity = seen.descriptors.astype(np.float32) @ described.descriptors.astype(np.float32).T
    nearest = similarity.argmax(axis=1)
    start, end = seen.points, described.points[nearest]
    width = PICTURE.shape[1] - 1 if mirrored else 0
    at_its_place = np.abs(start[:, :2] + (width, 0) - end[:, :2]).max(axis=1) < 1
    same_angle = np.abs((start[:, 3] - end[:, 3] + 180) % 360 - 180) < 5
    assert (similarity.max(axis=1) > 0.9).mean() > 0.8
    assert (at_its_place & same_angle).mean() > 0.8


def test_a_flat_picture_has_no_features_and_a_huge_collection_fewer_of_each() -> None:
    assert len(compute_features(np.full((64, 64), 9, np.uint8))) == 0
    assert features_each(1000) == 200
    assert features_each(20_000) == 100
    assert len(compute_features(PICTURE, 30)) == 30
