"""Corruptions are fixed, graded, and keep shape, dtype and grey."""

import hashlib

import numpy as np
import pytest

from datasets.corruptions import CORRUPTIONS, SEVERITIES, corrupted, every_corruption
from datasets.preprocess import Preprocessing, preprocess
from datasets.textures import textures

SIDE = 64


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    grey = textures(1)[0]
    return preprocess(grey[..., None].repeat(3, 2), Preprocessing(SIDE))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_strong_corruption_changes_more_than_a_mild_one(image: np.ndarray, name: str) -> None:
    mild, strong = (corrupted(image, "ab", name, severity) for severity in SEVERITIES)
    for one in (mild, strong):
        assert (one.shape, one.dtype) == (image.shape, np.uint8)
    changes = [np.abs(one.astype(int) - image).mean() for one in (mild, strong)]
    assert 0 < changes[0] < changes[1]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_depends_on_the_image_alone_and_keeps_it_grey(
    image: np.ndarray, name: str
) -> None:
    first = corrupted(image, "ab", name, "strong")
    np.testing.assert_array_equal(corrupted(image, "ab-2", name, "strong"), first)
    spread = first.max(axis=2).astype(int) - first.min(axis=2)
    assert spread.max() <= 2  # JPEG rounds colours


def test_contrast_keeps_the_mean_and_rotation_the_middle(image: np.ndarray) -> None:
    flat = corrupted(image, "ab", "contrast", "strong")
    assert flat.mean() == pytest.approx(image.mean(), abs=0.6)
    assert flat.std() == pytest.approx(0.3 * image.std(), rel=0.03)
    middle = np.s_[SIDE // 2 - 1 : SIDE // 2 + 1, SIDE // 2 - 1 : SIDE // 2 + 1]
    turned = corrupted(image, "ab", "rotation", "strong")[middle].astype(int)
    assert np.abs(turned - image[middle]).max() < 25


def test_images_are_rotated_either_way(image: np.ndarray) -> None:
    turned = {corrupted(image, f"{i:x}", "rotation", "mild").tobytes() for i in range(20)}
    assert len(turned) == 2


def test_all_corruptions_differ(image: np.ndarray) -> None:
    found = {
        hashlib.sha256(corrupted(image, "ab", *one).tobytes()).hexdigest()
        for one in every_corruption(list(CORRUPTIONS))
    }
    assert len(found) == len(CORRUPTIONS) * len(SEVERITIES)
