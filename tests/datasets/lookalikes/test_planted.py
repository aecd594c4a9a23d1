"""Planted near-copies: the effect of each alteration."""

import numpy as np
import pytest

from datasets.drawn.synthetic import FRACTURE_TYPES, draw_radiograph
from datasets.errors import DataError
from datasets.lookalikes.planted import ALTERATIONS, plant

IMAGE = draw_radiograph(FRACTURE_TYPES[0], 3)


@pytest.mark.parametrize("alteration", ALTERATIONS)
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_every_alteration_changes_grey_and_colour_alike(alteration: str, strength: float) -> None:
    grey = plant(IMAGE, alteration, strength, np.random.default_rng(0))
    colour = plant(np.dstack([IMAGE] * 3), alteration, strength, np.random.default_rng(0))
    assert grey.dtype == np.uint8
    assert grey.shape == colour.shape[:2]
    assert grey.shape != IMAGE.shape or not np.array_equal(grey, IMAGE)
    if alteration not in ("re_encode", "mixed"):  # JPEG treats colour differently
        assert np.array_equal(colour[..., 0], grey)


def test_more_strength_changes_more() -> None:
    weak, strong = (plant(IMAGE, "crop", s, np.random.default_rng(0)).size for s in (0.1, 0.9))
    assert strong < 0.75 * weak
    assert plant(IMAGE, "resize", 1.0, np.random.default_rng(0)).size < 0.2 * IMAGE.size


def test_the_same_generator_plants_the_same_copy() -> None:
    one, two = (plant(IMAGE, "mixed", 0.5, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize(("alteration", "strength"), [("melt", 0.5), ("crop", 1.5)])
def test_invalid_alterations_are_refused(alteration: str, strength: float) -> None:
    with pytest.raises(DataError, match="expected"):
        plant(IMAGE, alteration, strength, np.random.default_rng(0))
