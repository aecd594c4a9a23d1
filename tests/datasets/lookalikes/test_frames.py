"""What a frame holds decides, not the frame."""

import numpy as np
import pytest

from datasets.lookalikes.everyday import disguise
from datasets.lookalikes.frames import is_unmoved, only_frame_is_shared
from datasets.lookalikes.near import find_copies
from datasets.lookalikes.thumbnails import Image
from tests.datasets.lookalikes.small import drawn, thumbnails_of


def framed(kind: str, number: int) -> Image:
    return disguise(drawn(number), kind, drawn(number), np.random.default_rng(number))


@pytest.mark.parametrize("kind", ["phone_screenshot", "pacs_screenshot", "slide"])
def test_strangers_in_one_frame_are_told_from_a_picture_with_arrows(kind: str) -> None:
    one, other = framed(kind, 1), framed(kind, 2)
    assert only_frame_is_shared(one, other)
    assert not only_frame_is_shared(drawn(1), framed("arrows_text", 1))
    assert not only_frame_is_shared(one, one)


@pytest.mark.parametrize("kind", ["phone_screenshot", "pacs_screenshot", "slide", "white_border"])
def test_a_shared_frame_links_no_strangers(kind: str) -> None:
    assert find_copies(thumbnails_of([framed(kind, number) for number in range(12)]), 2) == []


def test_a_motion_is_compared_at_the_corners() -> None:
    a, b = np.zeros((100, 80), np.uint8), np.zeros((200, 160), np.uint8)
    assert is_unmoved(np.diag([2.0, 2.0, 1.0]), a, b)
    assert not is_unmoved(np.eye(3), a, b)
    assert not is_unmoved(np.diag([2.0, 2.1, 1.0]), a, b)
