"""What a copy depends on, and what it may do to an image."""

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.augment import FEC_IGE, Augmentation, augment

ROOT = Path(__file__).parents[2]
SIDE = 48


def _image() -> np.ndarray:
    return np.random.default_rng(1).integers(60, 190, (SIDE, SIDE, 3), dtype=np.uint8)


def _ramps() -> np.ndarray:
    """Channel 0 brightens to the right, channel 1 downwards."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.stack([60 + 2 * x, 60 + 2 * y, 0 * x + 100], axis=2).astype(np.uint8)


def test_copy_0_is_the_image_itself() -> None:
    image = _image()
    assert augment(image, "ab", 0) is image


def test_another_process_makes_the_same_pixels() -> None:
    code = (
        "import hashlib; from tests.datasets.test_augment import _image, augment;"
        "[print(hashlib.sha256(augment(_image(), i, c).tobytes()).hexdigest())"
        " for c in (3, 1, 2) for i in ('ef', 'ab')]"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    here = {
        (i, c): hashlib.sha256(augment(_image(), i, c).tobytes()).hexdigest()
        for i in ("ab", "ef")
        for c in (1, 2, 3)
    }
    assert run.stdout.decode().split() == [here[i, c] for c in (3, 1, 2) for i in ("ef", "ab")]
    assert len(set(here.values())) == 6


def test_the_global_random_state_plays_no_part() -> None:
    random.seed(1)
    np.random.seed(1)
    first = augment(_image(), "ab", 1)
    random.seed(2)
    np.random.seed(2)
    np.testing.assert_array_equal(augment(_image(), "ab", 1), first)


def test_files_with_the_same_bytes_have_the_same_copies() -> None:
    np.testing.assert_array_equal(augment(_image(), "ab-2", 1), augment(_image(), "ab", 1))


def test_the_image_given_is_not_changed() -> None:
    image = _image()
    for copy in range(1, 6):
        augment(image, "ab", copy)
    np.testing.assert_array_equal(image, _image())


def test_all_four_combinations_of_flips_occur_about_equally_often() -> None:
    counts = np.zeros((2, 2), int)
    for number in range(400):
        middle = augment(_ramps(), f"{number:x}", 1)[16:32, 16:32].astype(int)  # no border in it
        flipped_sideways = middle[:, -1, 0].mean() < middle[:, 0, 0].mean()  # 54 degrees turn
        upside_down = middle[-1, :, 1].mean() < middle[0, :, 1].mean()  # neither sign
        counts[int(flipped_sideways), int(upside_down)] += 1
    assert counts.min() > 70


def test_contrast_keeps_the_mean_and_changes_the_spread_by_a_tenth_at_most() -> None:
    halves = np.full((SIDE, SIDE, 3), 80, np.uint8)
    halves[:, SIDE // 2 :] = 120
    spreads = [np.ptp(augment(halves, "cd", copy).astype(int)) for copy in range(1, 60)]
    means = [augment(halves, "cd", copy).mean() for copy in range(1, 60)]
    assert 35 <= min(spreads) < 38
    assert 42 < max(spreads) <= 45
    np.testing.assert_allclose(means, 100, atol=1.5)


def test_a_negative_copy_is_refused() -> None:
    with pytest.raises(ValueError, match="copy=-1"):
        augment(_image(), "ab", -1)


def test_flips_can_be_switched_off() -> None:
    left = np.zeros((SIDE, SIDE, 3), np.uint8)
    left[18:30, :18] = 255
    still = Augmentation(horizontal_flip_p=0, vertical_flip_p=0, rotation_degrees=10)
    for copy in range(1, 17):
        found = augment(left, "ab", copy, still)
        assert found[:, : SIDE // 2].mean() > found[:, SIDE // 2 :].mean()
    assert any(augment(left, "ab", copy)[:, SIDE // 2 :].mean() > 20 for copy in range(1, 17))


def test_the_defaults_are_the_papers_and_each_setting_enters_the_key() -> None:
    assert FEC_IGE.made_from == {
        "version": 1,
        "horizontal_flip_p": 0.5,
        "vertical_flip_p": 0.5,
        "rotation_degrees": 54.0,
        "rotation_border": "reflect",
        "contrast": 0.1,
    }
    for name in ("horizontal_flip_p", "vertical_flip_p", "rotation_degrees", "contrast"):
        assert Augmentation(**{name: 0.25}).made_from != FEC_IGE.made_from
