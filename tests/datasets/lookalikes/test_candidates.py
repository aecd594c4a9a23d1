"""Copies find each other; the number of candidates does not grow quadratically."""

from functools import cache

import numpy as np
import pytest

from datasets.drawn.synthetic import FRACTURE_TYPES, draw_radiograph
from datasets.lookalikes.candidates import (
    DIMENSIONS,
    VARIANTS,
    Candidates,
    Descriptors,
    compute_descriptors,
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
    return compute_descriptors(
        Thumbnails(np.stack([thumbnail(image) for image in images]), aspects)
    )


def first_of(candidates: Candidates, queried: int) -> tuple[int, str]:
    """The first candidate of an image, and its orientation."""
    row = int(np.flatnonzero(candidates.queried == queried)[0])
    return int(candidates.found[row]), NAMES[candidates.orientation[row]]


def test_descriptors_have_length_one_except_for_flat_images() -> None:
    found = described([drawn()[0], np.full((40, 30), 9, np.uint8)])
    assert found.entries.shape == (len(VARIANTS), 2, DIMENSIONS)
    assert found.queries.shape == (len(NAMES), 2, DIMENSIONS)
    assert np.allclose(np.linalg.norm(found.entries[:, 0], axis=-1), 1, atol=1e-5)
    assert not found.entries[0, 1].any()


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_or_rotated_copy_is_the_first_candidate_in_its_orientation(name: str) -> None:
    copy = np.ascontiguousarray(orient(drawn()[5], name))
    candidates = find_candidates(described([*drawn(), copy]))
    assert first_of(candidates, 5) == (COUNT, name)


def test_no_image_is_its_own_candidate_or_has_too_many() -> None:
    candidates = find_candidates(described(drawn()), neighbours=3)
    assert not (candidates.queried == candidates.found).any()
    for queried in range(COUNT):
        assert len(set(candidates.found[candidates.queried == queried].tolist())) <= 3
    assert (np.diff(candidates.queried) >= 0).all()


def test_the_cell_of_the_copy_is_probed_among_many() -> None:
    pairs, generator = 8192, np.random.default_rng(0)  # 32 cells, of which 8 are probed
    first = generator.normal(size=(pairs, DIMENSIONS))
    both = np.concatenate([first, first + 0.3 * generator.normal(size=first.shape)])
    unit = (both / np.linalg.norm(both, axis=1, keepdims=True)).astype(np.float32)
    candidates = find_candidates(Descriptors(unit[None], unit[None]), neighbours=1)
    partner = dict(zip(candidates.queried.tolist(), candidates.found.tolist(), strict=True))
    right = sum(partner.get(n) == (n + pairs) % (2 * pairs) for n in range(2 * pairs))
    assert right >= 0.99 * 2 * pairs


def test_views_lie_within_the_image_and_the_first_is_the_whole() -> None:
    corners = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]], float).T
    assert np.allclose(variant_motion(0, 0.7) @ corners, corners[:2])
    for variant in range(len(VARIANTS)):
        seen = variant_motion(variant, 1.0) @ corners
        tilted = VARIANTS[variant][0] != 0
        assert seen.min() >= -0.1 * tilted - 1e-9
        assert seen.max() <= 1 + 0.1 * tilted + 1e-9
