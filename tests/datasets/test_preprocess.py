"""The formulas of the paper's text and of its notebook."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from datasets.preprocess import preprocess, stretch

IMAGES = arrays.arrays(np.uint8, (6, 6, 3), elements=st.integers(30, 200))


@given(IMAGES)
def test_stretch_is_equation_2_over_the_whole_image(image: np.ndarray) -> None:
    low, high = image.min(), image.max()
    if low == high:
        np.testing.assert_array_equal(preprocess(image, 6, "stretch"), image)
        return
    expected = (image.astype(float) - low) / (float(high) - low) * 255
    stretched = preprocess(image, 6, "stretch")
    assert np.abs(stretched - expected).max() <= 0.5 + 1e-9
    assert (stretched.min(), stretched.max()) == (0, 255)


@given(IMAGES)
def test_weighted_is_the_notebooks_multiplication(image: np.ndarray) -> None:
    expected = np.clip(1.35 * image.astype(float) - 0.15, 0, 255)
    assert np.abs(preprocess(image, 6, "weighted") - expected).max() <= 0.5 + 1e-9


def test_a_full_range_is_stretched_to_itself() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    np.testing.assert_array_equal(stretch(image), image)


def test_resizing_averages_areas() -> None:
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, ::2] = 200
    np.testing.assert_array_equal(preprocess(image, 2, "none"), np.full((2, 2, 3), 100, np.uint8))


def test_any_shape_becomes_the_requested_square() -> None:
    resized = preprocess(np.ones((58, 640, 3), np.uint8), 224, "stretch")
    assert (resized.shape, resized.dtype) == ((224, 224, 3), np.uint8)


def test_a_wrong_image_or_contrast_is_refused() -> None:
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\)"):
        preprocess(np.zeros((4, 4), np.uint8), 2, "none")
    with pytest.raises(ValueError, match="'gamma': expected one of stretch, weighted, none"):
        preprocess(np.zeros((4, 4, 3), np.uint8), 2, "gamma")
