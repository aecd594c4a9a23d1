"""Sizes on either side of each limit."""

import pytest

from datasets.decoding.limits import (
    MAX_BYTES,
    MAX_PIXELS,
    MAX_SIDE,
    MIN_SIDE,
    check_file_size,
    check_picture_size,
)
from datasets.errors import DataError


@pytest.mark.parametrize("size", [(MIN_SIDE, MIN_SIDE), (8000, 8000), (MAX_SIDE, 1953)])
def test_sizes_within_the_limits_pass(size: tuple[int, int]) -> None:
    check_picture_size(*size)
    check_picture_size(*size[::-1])


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ((MIN_SIDE - 1, 5000), "too small"),
        ((0, 0), "too small"),
        ((-5, 100), "too small"),
        ((8001, 8000), "too large"),
        ((MAX_SIDE + 1, 100), "too large"),
    ],
)
def test_sizes_beyond_a_limit_are_reported_with_the_limit(
    size: tuple[int, int], reason: str
) -> None:
    for width, height in (size, size[::-1]):
        with pytest.raises(DataError, match=f"^{width} x {height} pixels: {reason}; expected"):
            check_picture_size(width, height)


def test_a_file_may_have_at_most_the_maximum_size() -> None:
    check_file_size(MAX_BYTES)
    with pytest.raises(DataError, match=f"at most {MAX_BYTES // 2**20} MiB"):
        check_file_size(MAX_BYTES + 1)
    assert MAX_PIXELS * 3 < MAX_BYTES  # the largest image fits uncompressed
