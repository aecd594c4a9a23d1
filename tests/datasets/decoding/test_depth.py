"""Scaling of 16-bit values that fill little of their range."""

import numpy as np
import pytest

from datasets.decoding.depth import ValueRange, content_range, display_range, to_8_bits


def _occurring(values: np.ndarray) -> np.ndarray:
    occurs = np.zeros(65536, np.bool_)
    occurs[values] = True
    return occurs


@pytest.mark.parametrize("lowest", [0, 1024, 32768 - 1024, 65535 - 3000])
def test_a_band_of_values_keeps_its_levels_wherever_it_lies(lowest: int) -> None:
    values = np.linspace(lowest, lowest + 3000, 900).round().astype(np.uint16).reshape(30, 30)
    levels = to_8_bits(values)
    assert len(np.unique(levels)) > 180
    assert (np.diff(levels.ravel().astype(int)) >= 0).all()  # in their order


@pytest.mark.parametrize(("high", "white"), [(200, 255), (700, 1023), (4000, 4095), (65535, 65535)])
def test_a_picture_that_fills_its_depth_is_shown_from_0(high: int, white: int) -> None:
    assert display_range(_occurring(np.arange(high // 4, high + 1))) == ValueRange(0, white)


def test_8_bit_values_in_16_bits_are_unchanged_however_few_occur() -> None:
    values = np.full((16, 16), 60, np.uint16)
    values[3] = 63
    np.testing.assert_array_equal(to_8_bits(values), values)


@pytest.mark.parametrize("isolated", [[0], [65535], [0, 65535], [0, 1, 65534, 65535]])
def test_padding_and_marks_take_no_levels_from_the_image(isolated: list[int]) -> None:
    picture = np.linspace(31000, 34000, 600).round().astype(np.uint16)
    values = np.concatenate([np.repeat(isolated, 50).astype(np.uint16), picture]).reshape(-1, 10)
    levels = to_8_bits(values).ravel()
    assert len(np.unique(levels)) > 200
    assert set(levels[: 50 * len(isolated)]) <= {0, 255}


def test_two_values_are_not_isolated() -> None:
    assert content_range(np.array([0, 65535])) == (0, 65535)
    values = np.array([[0, 65535]], np.uint16)
    assert to_8_bits(values).tolist() == [[0, 255]]


def test_a_constant_picture_stays_constant() -> None:
    assert len(np.unique(to_8_bits(np.full((4, 4), 33000, np.uint16)))) == 1
