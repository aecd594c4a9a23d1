"""Pixels decoded in a worker process are those of this process; a bad file costs itself only."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from datasets.decoding.decode import decode_image
from datasets.decoding.describe import describe
from datasets.decoding.isolated_pixels import PixelReader
from datasets.errors import DataError
from datasets.preprocess import Preprocessing, preprocess
from tests.datasets.decoding.picture_files import every_file


@pytest.mark.parametrize("fit", ["pad", "crop", "squash"])
def test_pixels_and_hashes_are_those_of_this_process(tmp_path: Path, fit: str) -> None:
    how = Preprocessing(32, fit=fit, clahe=2.0)
    with PixelReader() as reader:
        for name, data in every_file().items():
            path = tmp_path / name
            path.write_bytes(data)
            read = reader.read(str(path), how)
            np.testing.assert_array_equal(read.pixels, preprocess(decode_image(data), how), name)
            assert read.content_hash == hashlib.sha256(data).hexdigest()
            assert read.pixel_hash == describe(str(path)).description.pixel_hash


def test_a_file_that_cannot_be_read_is_one_line_and_the_next_is_read(tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"no image")
    (tmp_path / "good.png").write_bytes(every_file()["rgb.png"])
    with PixelReader() as reader:
        for name in ("torn.png", "gone.png"):
            with pytest.raises(DataError, match="cannot be"):
                reader.read(str(tmp_path / name), Preprocessing(32))
        assert reader.read(str(tmp_path / "good.png"), Preprocessing(32)).pixels.shape == (
            32,
            32,
            3,
        )
