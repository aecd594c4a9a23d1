"""Thumbnails keep what is needed to tell pictures apart, and nothing of exposure."""

import numpy as np
import pytest

from datasets.drawn.synthetic import draw_radiograph
from datasets.lookalikes import thumbnails
from datasets.lookalikes.thumbnails import (
    SIDE,
    Thumbnails,
    collect_thumbnails,
    local_contrast,
    thumbnail,
)

RADIOGRAPH = draw_radiograph("Spiral Fracture", 3)


def test_thumbnails_are_put_in_their_rows_whatever_their_order() -> None:
    flat = [np.full((SIDE, SIDE), 50 * n, np.uint8) for n in range(3)]
    rows = [(2, flat[2], b"c"), (0, flat[0], b"a"), (1, flat[1], b"b")]
    found = collect_thumbnails(rows, [0.5, 1.0, 1.5])
    assert found.pixels[:, 0, 0].tolist() == [0, 50, 100]
    assert found.aspects.tolist() == [0.5, 1.0, 1.5]
    assert list(found.previews) == [b"a", b"b", b"c"]
    assert list(found.of(np.array([2, 0])).previews) == [b"c", b"a"]
    with pytest.raises(ValueError, match="1 thumbnails of 2 images"):
        collect_thumbnails([(0, flat[0], b"a")], [1.0, 1.0])


def test_a_large_collection_lies_in_a_file_and_reads_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pictures = [thumbnail(RADIOGRAPH), thumbnail(RADIOGRAPH[::-1])]
    rows = [(row, picture, b"") for row, picture in enumerate(pictures)]
    in_memory = collect_thumbnails(rows, [1.0, 1.0])
    monkeypatch.setattr(thumbnails, "_IN_MEMORY", 0)
    in_file = collect_thumbnails(rows, [1.0, 1.0])
    assert isinstance(in_file.pixels, np.memmap)
    assert np.array_equal(in_file.pixels, in_memory.pixels)


def test_colour_and_grey_of_one_picture_are_one_thumbnail() -> None:
    colour = np.repeat(RADIOGRAPH[..., None], 3, 2)
    assert np.abs(thumbnail(RADIOGRAPH).astype(int) - thumbnail(colour)).max() <= 1


def test_some_of_them_are_those_asked_for_and_all_are_no_copy() -> None:
    pixels = np.arange(3, dtype=np.uint8)[:, None, None] * np.ones((1, SIDE, SIDE), np.uint8)
    three = Thumbnails(pixels, np.array([1.0, 2.0, 3.0]))
    assert three.of(np.array([2, 0])).aspects.tolist() == [3.0, 1.0]
    assert three.of(np.array([2, 0])).pixels[:, 0, 0].tolist() == [2, 0]
    assert three.of(np.arange(3)) is three


def test_exposure_does_not_change_local_contrast() -> None:
    one = local_contrast(RADIOGRAPH, 3.0, 5.0)
    other = local_contrast(0.4 * RADIOGRAPH + 30, 3.0, 5.0)
    assert one.std() > 0.3
    assert np.abs(one - other).max() < 0.01


def test_a_constant_picture_has_no_contrast() -> None:
    assert not local_contrast(np.full((30, 30), 7), 3.0, 5.0).any()
