"""Online copies are those of `datasets.augment`, drawn for each image and epoch."""

import numpy as np
import pytest

from datasets.augment import Augmentation
from trainables.online import OnlineAugmentation, image_number

SIDE = 32
Batch = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def batch() -> Batch:
    """Pixels (6, N, N, 3) and the numbers of the images."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, SIDE, SIDE, 3), np.uint8)
    return pixels, np.array([image_number(f"{i:x}", 0) for i in range(6)], np.uint64)


def test_a_copy_depends_on_the_image_the_seed_and_the_epoch_only(batch: Batch) -> None:
    pixels, images = batch
    online = OnlineAugmentation(seed=3)
    first = online(pixels, images, epoch=7)
    assert (first.shape, first.dtype) == (pixels.shape, np.uint8)
    backwards = OnlineAugmentation(seed=3)(pixels[::-1], images[::-1], epoch=7)[::-1]
    np.testing.assert_array_equal(backwards, first)  # other batches, another worker
    for other in (online(pixels, images, epoch=8), OnlineAugmentation(4)(pixels, images, 7)):
        assert all((one != two).any() for one, two in zip(other, first, strict=True))


def test_copies_are_made_by_the_transforms_of_the_fixed_ones(batch: Batch) -> None:
    pixels, images = batch
    flip = Augmentation.of([{"VerticalFlip": {"p": 1.0}}])
    flipped = OnlineAugmentation(0, flip)(pixels, images, epoch=1)
    np.testing.assert_array_equal(flipped, pixels[:, ::-1])


def test_equal_pixels_of_different_images_are_drawn_apart(batch: Batch) -> None:
    pixels, images = batch
    same = np.repeat(pixels[:1], len(images), axis=0)
    drawn = OnlineAugmentation(0)(same, images, epoch=1)
    assert len({one.tobytes() for one in drawn}) == len(images)
