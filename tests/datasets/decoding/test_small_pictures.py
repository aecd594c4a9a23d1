"""A thumbnail to compare and a preview to look at, both of one decoded image."""

import numpy as np
import pytest

from datasets.decoding.small_pictures import PREVIEW_SIDE, small_pictures
from datasets.drawn.synthetic import draw_radiograph
from datasets.lookalikes.thumbnails import thumbnail

RADIOGRAPH = np.repeat(draw_radiograph("Spiral Fracture", 3)[..., None], 3, 2)


def test_the_thumbnail_is_that_of_the_pixels() -> None:
    kept = small_pictures(RADIOGRAPH).thumbnail_pixels()
    np.testing.assert_array_equal(kept, thumbnail(RADIOGRAPH))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((600, 300), (PREVIEW_SIDE, PREVIEW_SIDE // 2)),
        ((16, 5000), (1, PREVIEW_SIDE)),
        ((40, 30), (40, 30)),
    ],
)
def test_the_preview_has_the_aspect_of_the_image_and_is_never_enlarged(
    shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    preview = small_pictures(np.zeros((*shape, 3), np.uint8)).preview_pixels()
    assert preview.shape == (*expected, 3)


def test_the_preview_keeps_colours_and_shapes() -> None:
    coloured = RADIOGRAPH[:200, :200].copy()
    coloured[..., 2] = 0
    preview = small_pictures(coloured).preview_pixels()
    assert np.abs(preview.astype(int) - coloured).mean() < 4
