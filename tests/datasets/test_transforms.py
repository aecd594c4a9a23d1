"""Which transforms are accepted, with what message others are refused, and what they do."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from datasets.augment import Augmentation, augment
from datasets.transforms import check_on_an_image, check_transform, motion

SIDE = 64


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"HorizontalFlipp": {}}, r"'HorizontalFlipp' \(did you mean HorizontalFlip\?\): expected"),
        ({"horizontalflip": {}}, r"did you mean HorizontalFlip\?"),
        ({"Mosaic": {}}, "'Mosaic': expected a transform of albumentations for single images"),
        (
            {"Rotate": {"limt": 3}},
            r"'Rotate': 'limt' \(did you mean limit\?\): expected one of",
        ),
        ({"Rotate": {"limit": "a"}}, "'Rotate': limit='a': input should be a valid"),
        (
            {"HorizontalFlip": {"p": 1.5}},
            "'HorizontalFlip': p=1.5: input should be less",
        ),
        ({"RandomCrop": {}}, "'RandomCrop': height: required"),
        ({"RandomResizedCrop": {"size": [9, 9]}}, "leave out size; copies keep the size"),
        ({"OneOf": {"transforms": [{"Blurr": {}}]}}, r"'Blurr' \(did you mean Blur\?\)"),
        ({"OneOf": {"transforms": []}}, "'OneOf': transforms: expected a list of transforms"),
        ({"Rotate": 10}, r"'Rotate': expected arguments, as in \{Rotate: \{p: 0.5\}\}"),
        ({}, "expected one transform with its arguments"),
        ("HorizontalFlip", "expected one transform with its arguments"),
    ],
    ids=str,
)
def test_a_mistake_is_one_line_with_the_way_out(transform: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        check_transform(transform)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"RandomCrop": {"height": 20, "width": 20}}, r"makes uint8 \(20, 20, 3\)"),
        ({"Normalize": {"p": 0.01}}, "makes float32"),
        ({"MaskDropout": {}}, "fails on an image"),
        ({"OneOf": {"transforms": [{"ToFloat": {}}]}}, "'ToFloat': makes float32"),
        ({"Crop": {"x_max": 100}}, "fails on an image"),
    ],
    ids=str,
)
def test_copies_keep_shape_and_dtype(transform: Any, message: str) -> None:
    check_transform(transform)
    with pytest.raises(ValueError, match=message):
        check_on_an_image(transform, SIDE)


def test_a_crop_that_needs_a_size_gets_the_images_own() -> None:
    crop = {"RandomResizedCrop": {"scale": [0.2, 0.4]}}
    check_transform(crop)
    check_on_an_image(crop, SIDE)
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    assert augment(image, "ab", 1, Augmentation.of([crop])).shape == image.shape


def test_transforms_can_be_nested_and_follow_the_seed_of_the_copy() -> None:
    one_of = {"OneOf": {"transforms": [{"Blur": {}}, {"GaussNoise": {}}], "p": 0.8}}
    check_on_an_image(one_of, SIDE)
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    how = Augmentation.of([one_of])
    copies = [augment(image, "ab", copy, how).tobytes() for copy in range(1, 20)]
    assert copies == [augment(image, "ab", copy, how).tobytes() for copy in range(1, 20)]
    assert len(set(copies)) > 5


def test_threads_make_the_copies_that_one_thread_makes() -> None:
    """Pipelines keep their random state, so threads must not share one."""
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    numbers = range(1, 200)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda copy: augment(image, "ab", copy).tobytes(), numbers))
    assert found == [augment(image, "ab", copy).tobytes() for copy in numbers]


def test_motion_is_measured_for_any_transform() -> None:
    assert motion({"HorizontalFlip": {"p": 1.0}}).swaps_sides == 1
    assert 0.3 < motion({"HorizontalFlip": {"p": 0.5}}).mirrors < 0.7
    assert motion({"VerticalFlip": {"p": 1.0}}).upside_down == 1
    reflected = {"limit": [30, 30], "p": 1.0, "border_mode": "BORDER_REFLECT"}
    assert motion({"Rotate": reflected}).tilt == pytest.approx(30, abs=1)
    turned = motion({"Rotate": {"limit": [30, 30], "p": 1.0}})
    assert turned.tilt == pytest.approx(30, abs=1)
    assert (turned.swaps_sides, turned.upside_down, turned.mirrors) == (0, 0, 0)
    square = motion({"D4": {"p": 1.0}})
    assert min(square.swaps_sides, square.upside_down, square.mirrors) > 0.1
    assert square.tilt == pytest.approx(90)
    assert motion({"VerticalFlip": {"p": 1.0}}).tilt == 0
    assert motion({"GaussNoise": {}}).tilt == 0
