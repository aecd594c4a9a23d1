"""Transparent images stay visible, and the background is chosen by the image alone."""

import numpy as np
import pytest

from datasets.decoding import transparency
from datasets.decoding.transparency import flattened


def _ink(colour: tuple[int, int, int], share: float) -> tuple[np.ndarray, np.ndarray]:
    """A disc of one colour that covers a share of the image; transparent pixels have it too."""
    y, x = np.mgrid[:64, :64] - 31.5
    alpha = np.where(x**2 + y**2 <= share * 64**2 / np.pi, 255, 0).astype(np.uint8)
    return np.full((64, 64, 3), colour, np.uint8), alpha


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (20, 20, 90), (255, 240, 0)])
def test_ink_of_any_colour_differs_from_its_background(
    colour: tuple[int, int, int], share: float
) -> None:
    colours, alpha = _ink(colour, share)
    laid = flattened(colours, alpha)
    np.testing.assert_array_equal(laid[31, 31], colour)
    assert np.abs(laid[31, 31].astype(int) - laid[0, 0]).max() > 100
    assert laid[0, 0].tolist() in ([0, 0, 0], [255, 255, 255])


def test_half_transparent_colours_are_blended_with_the_background() -> None:
    colours = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    laid = flattened(colours, np.full((16, 16), 128, np.uint8))
    np.testing.assert_allclose(laid[0, 0], [227, 177, 152], atol=1)


def test_a_fully_transparent_alpha_channel_is_ignored() -> None:
    colours = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    for alpha in (0, 255):
        np.testing.assert_array_equal(
            flattened(colours, np.full((16, 16), alpha, np.uint8)), colours
        )


def test_strips_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, (40, 30, 3)).astype(np.uint8)
    alpha = random.integers(0, 256, (40, 30)).astype(np.uint8)
    whole = flattened(colours, alpha)
    monkeypatch.setattr(transparency, "_PIXELS_PER_STRIP", 100)
    np.testing.assert_array_equal(flattened(colours, alpha), whole)
