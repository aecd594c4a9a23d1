"""Copies as people make them: every kind is found, and what strangers share does not link them."""

import re

import numpy as np
import pytest

from datasets.errors import DataError
from datasets.lookalikes.everyday import HELD_OUT, USUAL, disguise
from datasets.lookalikes.near import find_copies
from tests.datasets.lookalikes.small import drawn, thumbnails_of

ORIGINALS, PLANTED = 16, 6
FLOORS = {"watermark": 0, "thumbnail_96": 3, "arrows_text": 4, "blur_noise": 4}
TEXTS = {
    "rotated_7": r"rotated by -?[678]°",
    "rotated_20": r"rotated by -?(19|20|21)°",
    "inverted": "inverted",
    "negative_mirrored_part": r"flip_horizontal, inverted, cropped to 6\d %",
    "joined": "widened from",
    "pacs_screenshot": "widened from",
    "crop_60_side": r"cropped to 3\d %",
    "half": r"cropped to (49|50|51) %",
}


@pytest.mark.parametrize("kind", [*USUAL, *HELD_OUT])
def test_copies_of_every_kind_are_found_and_no_strangers(kind: str) -> None:
    rng = np.random.default_rng(0)
    originals = [drawn(number) for number in range(ORIGINALS)]
    copies = [disguise(originals[n], kind, originals[n + 8], rng) for n in range(PLANTED)]
    found = find_copies(thumbnails_of([*originals, *copies]), 2)
    planted = {(n, ORIGINALS + n) for n in range(PLANTED)}
    also_shown = {(n + 8, ORIGINALS + n) for n in range(PLANTED)}
    assert {(one.a, one.b) for one in found} <= planted | also_shown
    right = [one for one in found if (one.a, one.b) in planted]
    assert len(right) >= FLOORS.get(kind, PLANTED - 1)
    told = [one for one in right if re.search(TEXTS.get(kind, ""), one.transform)]
    assert len(told) >= min(len(right), 4)


@pytest.mark.parametrize("kind", ["jpeg_20", "joined", "screen_photo"])
def test_a_disguise_changes_colour_like_grey_and_depends_on_the_generator_alone(kind: str) -> None:
    image, other = drawn(0), drawn(1)
    colour = disguise(np.dstack([image] * 3), kind, other, np.random.default_rng(3))
    grey = disguise(image, kind, other, np.random.default_rng(3))
    assert colour.shape == (*grey.shape, 3)
    assert np.abs(colour[..., 1].astype(int) - grey).mean() < 2
    assert np.array_equal(grey, disguise(image, kind, other, np.random.default_rng(3)))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(DataError, match="kind='origami': expected one of jpeg_20"):
        disguise(drawn(0), "origami", drawn(1), np.random.default_rng(0))
