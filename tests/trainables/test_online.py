"""Augmentation on the device: exact where possible, with the documented ranges."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from datasets.augment import FEC_IGE
from tests.trainables.conftest import noise
from trainables.online import OnlineAugmentation, change_contrast, flip_and_rotate

NOT = torch.zeros(2, dtype=torch.bool)
STILL = torch.zeros(2)


def _images() -> Tensor:
    return noise(2, side=33).float()


def test_a_neutral_draw_changes_nothing() -> None:
    unchanged = flip_and_rotate(_images(), STILL, NOT, NOT)
    torch.testing.assert_close(unchanged, _images(), atol=1e-2, rtol=0)
    torch.testing.assert_close(change_contrast(_images(), torch.ones(2)), _images())


@pytest.mark.parametrize(
    ("horizontal", "vertical", "axes"), [(1, 0, [3]), (0, 1, [2]), (1, 1, [2, 3])]
)
def test_flips_mirror(horizontal: int, vertical: int, axes: list[int]) -> None:
    turned = flip_and_rotate(_images(), STILL, NOT | bool(horizontal), NOT | bool(vertical))
    torch.testing.assert_close(turned, _images().flip(axes), atol=1e-2, rtol=0)


@pytest.mark.parametrize("quarters", [-1, 1, 2])
def test_quarter_turns_are_anticlockwise(quarters: int) -> None:
    turned = flip_and_rotate(_images(), torch.full((2,), 90.0 * quarters), NOT, NOT)
    torch.testing.assert_close(turned, _images().rot90(quarters, (2, 3)), atol=2e-2, rtol=0)


def test_each_image_has_its_own_draw() -> None:
    turned = flip_and_rotate(_images(), torch.tensor([0.0, 90.0]), torch.tensor([True, False]), NOT)
    first, second = _images()
    expected = torch.stack([first.flip(2), second.rot90(1, (1, 2))])
    torch.testing.assert_close(turned, expected, atol=2e-2, rtol=0)


def test_a_rotation_equals_that_of_the_fixed_copies() -> None:
    """OpenCV rotates the copies; on a smooth image interpolation differs least."""
    y, x = np.mgrid[0:64, 0:64].astype(np.float32)
    image = 127 + 60 * np.sin(x / 9) + 50 * np.cos(y / 7 + x / 30)
    matrix = cv2.getRotationMatrix2D((31.5, 31.5), 30.0, 1.0)
    expected = cv2.warpAffine(
        image, matrix, (64, 64), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    batch = torch.from_numpy(image).expand(1, 1, 64, 64)
    turned = flip_and_rotate(batch, torch.tensor([30.0]), NOT[:1], NOT[:1])[0, 0]
    assert np.abs(turned.numpy() - expected).max() < 1.5


def test_contrast_is_about_the_grey_mean_and_stays_in_range() -> None:
    images = _images()
    grey = (0.299 * images[:, 0] + 0.587 * images[:, 1] + 0.114 * images[:, 2]).mean((1, 2))
    changed = change_contrast(images, torch.tensor([0.5, 1.0]))
    torch.testing.assert_close(changed[0], grey[0] + 0.5 * (images[0] - grey[0]))
    wide = change_contrast(images, torch.tensor([3.0, 3.0]))
    assert wide.min() == 0
    assert wide.max() <= 255


def test_draws_have_the_range_of_the_fixed_copies_and_differ_between_batches() -> None:
    augment = OnlineAugmentation(seed=3)
    edge = torch.zeros(1, 3, 65, 65)
    edge[..., 32:] = 200.0  # its slope gives the angle, its sides the flip
    images = edge.expand(400, 3, 65, 65).to(torch.uint8)
    first, second = augment(images), augment(images)
    assert first.dtype == torch.float32
    assert not torch.equal(first, second)
    bright = first[:, 0, 32, :].argmax(1) < 32
    assert 0.4 < bright.float().mean() < 0.6
    spread = first[:, 0].amax((1, 2))
    assert 200 < spread.max() <= 200 + 100 * FEC_IGE.contrast + 1
    again = OnlineAugmentation(seed=3)(images)
    torch.testing.assert_close(again, first, atol=0, rtol=0)
