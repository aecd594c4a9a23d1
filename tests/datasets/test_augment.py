"""What a copy depends on, and what it may do to an image."""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.augment import BUILT_IN, FEC_IGE, Augmentation, augment
from datasets.transforms import Transform, check_on_an_image, check_transform, motion

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


def test_flips_can_be_left_out() -> None:
    left = np.zeros((SIDE, SIDE, 3), np.uint8)
    left[18:30, :18] = 255
    still = Augmentation.of([{"Rotate": {"limit": 10, "border_mode": "BORDER_REFLECT"}}])
    for copy in range(1, 17):
        found = augment(left, "ab", copy, still)
        assert found[:, : SIDE // 2].mean() > found[:, SIDE // 2 :].mean()
    assert any(augment(left, "ab", copy)[:, SIDE // 2 :].mean() > 20 for copy in range(1, 17))


def test_the_papers_copies_are_those_of_existing_stores() -> None:
    """Made before augmentations were lists of transforms; a change makes every store worthless."""
    assert FEC_IGE.made_from == {
        "version": 1,
        "horizontal_flip_p": 0.5,
        "vertical_flip_p": 0.5,
        "rotation_degrees": 54.0,
        "rotation_border": "reflect",
        "contrast": 0.1,
    }
    copies = b"".join(augment(_ramps(), "ab", copy).tobytes() for copy in (1, 2, 3))
    assert hashlib.sha256(copies).hexdigest()[:16] == "9ee2dd29db02b7b5"


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_augmentations_are_valid_and_vary(name: str) -> None:
    for transform in BUILT_IN[name]:
        check_transform(transform)
        check_on_an_image(transform, SIDE)
    how = Augmentation.of(BUILT_IN[name])
    image = np.asarray(cv2.GaussianBlur(_image(), (0, 0), 3), np.uint8)
    copies = [augment(image, "ab", copy, how) for copy in range(1, 5)]
    assert all((one.shape, one.dtype) == (image.shape, np.uint8) for one in copies)
    assert len({one.tobytes() for one in copies}) == 4


def test_radiographs_are_neither_turned_over_nor_coloured() -> None:
    moved = [motion(one) for one in BUILT_IN["radiograph"]]
    assert max(one.upside_down for one in moved) == 0
    assert 8 < max(one.tilt for one in moved) <= 12
    grey = _image()[..., :1].repeat(3, 2)
    for copy in range(1, 9):
        found = augment(grey, "ab", copy, Augmentation.of(BUILT_IN["radiograph"]))
        assert (found == found[..., :1]).all()


def test_every_transform_and_argument_enters_the_key() -> None:
    flip, turn = {"HorizontalFlip": {"p": 0.5}}, {"Rotate": {"limit": 10}}
    lists: list[list[Transform]] = [
        [flip],
        [turn],
        [flip, turn],
        [turn, flip],
        [{"HorizontalFlip": {"p": 0.4}}],
    ]
    keys = [json.dumps(Augmentation.of(one).made_from) for one in lists]
    assert len(set(keys)) == len(lists)
