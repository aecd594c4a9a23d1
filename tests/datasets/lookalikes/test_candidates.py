"""Copies ask for each other; who is compared does not grow with the square of the collection."""

from functools import cache

import numpy as np
import pytest

from datasets.drawn.synthetic import FRACTURE_TYPES, draw_radiograph
from datasets.lookalikes.candidates import (
    DIMENSIONS,
    VARIANTS,
    Candidates,
    Descriptors,
    describe,
    find_candidates,
    variant_motion,
)
from datasets.lookalikes.orientations import NAMES, orient
from datasets.lookalikes.thumbnails import Image, Thumbnails, thumbnail

COUNT = 24


@cache
def drawn() -> list[Image]:
    return [draw_radiograph(FRACTURE_TYPES[n % 10], 500 + n) for n in range(COUNT)]


def described(images: list[Image]) -> Descriptors:
    aspects = np.array([image.shape[1] / image.shape[0] for image in images])
    return describe(Thumbnails(np.stack([thumbnail(image) for image in images]), aspects))


def first_of(candidates: Candidates, asked: int) -> tuple[int, str]:
    """The first candidate that a picture asked for, and how it would have to be laid down."""
    row = int(np.flatnonzero(candidates.asked == asked)[0])
    return int(candidates.found[row]), NAMES[candidates.orientation[row]]


def test_descriptors_are_of_length_one_but_for_flat_pictures() -> None:
    found = described([drawn()[0], np.full((40, 30), 9, np.uint8)])
    assert found.entries.shape == (len(VARIANTS), 2, DIMENSIONS)
    assert found.questions.shape == (len(NAMES), 2, DIMENSIONS)
    assert np.allclose(np.linalg.norm(found.entries[:, 0], axis=-1), 1, atol=1e-5)
    assert not found.entries[0, 1].any()


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_or_turned_copy_is_asked_for_first_under_its_orientation(name: str) -> None:
    copy = np.ascontiguousarray(orient(drawn()[5], name))
    candidates = find_candidates(described([*drawn(), copy]))
    assert first_of(candidates, 5) == (COUNT, name)


def test_nobody_asks_for_itself_nor_for_more_than_the_neighbours() -> None:
    candidates = find_candidates(described(drawn()), neighbours=3)
    assert not (candidates.asked == candidates.found).any()
    for asked in range(COUNT):
        assert len(set(candidates.found[candidates.asked == asked].tolist())) <= 3
    assert (np.diff(candidates.asked) >= 0).all()


def test_among_many_cells_the_one_that_holds_the_copy_is_looked_into() -> None:
    pairs, generator = 8192, np.random.default_rng(0)  # 32 cells, of which 8 are looked into
    first = generator.normal(size=(pairs, DIMENSIONS))
    both = np.concatenate([first, first + 0.3 * generator.normal(size=first.shape)])
    unit = (both / np.linalg.norm(both, axis=1, keepdims=True)).astype(np.float32)
    candidates = find_candidates(Descriptors(unit[None], unit[None]), neighbours=1)
    partner = dict(zip(candidates.asked.tolist(), candidates.found.tolist(), strict=True))
    right = sum(partner.get(n) == (n + pairs) % (2 * pairs) for n in range(2 * pairs))
    assert right >= 0.99 * 2 * pairs


def test_variants_lie_within_the_picture_and_the_first_is_all_of_it() -> None:
    corners = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]], float).T
    assert np.allclose(variant_motion(0, 0.7) @ corners, corners[:2])
    for variant in range(len(VARIANTS)):
        seen = variant_motion(variant, 1.0) @ corners
        tilted = VARIANTS[variant][0] != 0
        assert seen.min() >= -0.1 * tilted - 1e-9
        assert seen.max() <= 1 + 0.1 * tilted + 1e-9
