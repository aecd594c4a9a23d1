"""Thumbnails keep what is needed to tell pictures apart, and nothing of exposure."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.decoding.decode import decode_image
from datasets.drawn.synthetic import draw_radiograph
from datasets.lookalikes import thumbnails
from datasets.lookalikes.thumbnails import SIDE, Thumbnails, local_contrast, read_thumbnails

RADIOGRAPH = draw_radiograph("Spiral Fracture", 3)


def folder_of(images: list[np.ndarray], folder: Path) -> list[str]:
    """PNG files of the images; their names."""
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png")
    return [f"{number}.png" for number in range(len(images))]


def test_files_are_read_in_their_order_with_their_aspects(tmp_path: Path) -> None:
    images = [np.full((40, 20 * n), 50 * n, np.uint8) for n in range(1, 5)]
    found = read_thumbnails(str(tmp_path), folder_of(images, tmp_path), workers=3)
    assert found.pixels.shape == (4, SIDE, SIDE)
    assert found.pixels[:, 0, 0].tolist() == [50, 100, 150, 200]
    assert found.aspects.tolist() == [0.5, 1.0, 1.5, 2.0]


def test_a_large_collection_lies_in_a_file_and_reads_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = folder_of([RADIOGRAPH, RADIOGRAPH[::-1]], tmp_path)
    in_memory = read_thumbnails(str(tmp_path), paths)
    monkeypatch.setattr(thumbnails, "_IN_MEMORY", 0)
    in_file = read_thumbnails(str(tmp_path), paths)
    assert isinstance(in_file.pixels, np.memmap)
    assert np.array_equal(in_file.pixels, in_memory.pixels)


def test_colour_and_grey_of_one_picture_are_one_thumbnail(tmp_path: Path) -> None:
    paths = folder_of([RADIOGRAPH, np.repeat(RADIOGRAPH[..., None], 3, 2)], tmp_path)
    grey, colour = (decode_image((tmp_path / path).read_bytes()) for path in paths)
    assert np.abs(thumbnails.thumbnail(grey).astype(int) - thumbnails.thumbnail(colour)).max() <= 1


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
