"""The eight orientations, in pixels, cosines and points."""

import cv2
import numpy as np
import pytest

from datasets.lookalikes.orientations import NAMES, inverse, orient, orient_cosines, point_map

SQUARE = np.random.default_rng(0).random((8, 8)).astype(np.float32)


def test_names_mean_what_numpy_and_pillow_mean_by_them() -> None:
    assert np.array_equal(orient(SQUARE, "flip_horizontal"), SQUARE[:, ::-1])
    assert np.array_equal(orient(SQUARE, "flip_vertical"), SQUARE[::-1])
    for turns, name in enumerate(["identity", "rotate_90", "rotate_180", "rotate_270"]):
        assert np.array_equal(orient(SQUARE, name), np.rot90(SQUARE, turns))
    assert np.array_equal(orient(SQUARE, "transpose"), SQUARE.T)


def test_all_eight_differ() -> None:
    assert len({orient(SQUARE, name).tobytes() for name in NAMES}) == 8


@pytest.mark.parametrize("name", NAMES)
def test_the_inverse_undoes(name: str) -> None:
    assert np.array_equal(orient(orient(SQUARE, name), inverse(name)), SQUARE)


@pytest.mark.parametrize("name", NAMES)
def test_cosines_are_oriented_like_the_image(name: str) -> None:
    there = cv2.dct(np.ascontiguousarray(orient(SQUARE, name)))
    assert np.allclose(orient_cosines(cv2.dct(SQUARE), name), there, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_points_of_the_reoriented_image_map_to_the_same_pixels(name: str) -> None:
    laid, motion = orient(SQUARE, name), point_map(name)
    for row, column in np.ndindex(8, 8):
        x, y = motion @ [(column + 0.5) / 8, (row + 0.5) / 8, 1]
        assert laid[row, column] == SQUARE[int(y * 8), int(x * 8)]
