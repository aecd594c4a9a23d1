"""Decoding goes by content, and undecodable files are reported in one line."""

import contextlib
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from datasets.decoding.decode import decode_image, read_file, read_picture
from datasets.decoding.limits import MAX_BYTES
from datasets.errors import DataError
from tests.datasets.decoding.dicom_files import dicom_file
from tests.datasets.decoding.fuzz_decode import fuzz
from tests.datasets.decoding.picture_files import colours, encoded, every_file, raster_files

JPEG = encoded(Image.fromarray(colours(40, 30)), "JPEG", quality=90)
PNG = encoded(Image.fromarray(colours()))


def test_rgb_pixels_come_back_as_they_were() -> None:
    decoded = decode_image(PNG)
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, colours())


@pytest.mark.parametrize("name", sorted(every_file()))
def test_every_kind_of_file_is_decoded(name: str) -> None:
    pixels = decode_image(every_file()[name])
    assert (pixels.dtype, pixels.ndim, pixels.shape[2]) == (np.uint8, 3, 3)
    assert len(np.unique(pixels)) > 10


def test_only_dicom_files_have_a_patient_hash() -> None:
    assert read_picture(PNG).patient == ""
    assert read_picture(dicom_file(colours(), PatientID="P1")).patient != ""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"not an image at all", "not an image"),
        (JPEG[: len(JPEG) // 2], "truncated"),
        (PNG[:80], "cannot be read"),
        (encoded(Image.new("RGB", (15, 400))), "15 x 400 pixels: too small"),
        (encoded(Image.new("1", (8001, 8000))), "8001 x 8000 pixels: too large"),
        (dicom_file(colours())[:-90], "without its pixel data: truncated|truncated"),
        (bytes(128) + b"DICM", "without pixels"),
        (bytes(128) + b"DICM" + b"\xff" * 400, "cannot be read|without pixels"),
    ],
)
def test_undecodable_bytes_are_reported_in_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        decode_image(data)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", sorted(raster_files()))
def test_a_truncated_file_is_never_accepted(name: str) -> None:
    data = raster_files()[name]
    with pytest.raises(DataError):
        decode_image(data[: len(data) // 2])


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    """A PNG of 100,000 x 100,000 pixels with 20 bytes of data."""
    bomb = bytearray(PNG)
    bomb[16:24] = (100_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    with pytest.raises(DataError, match=r"100000 x 100000 pixels: too large|exceeds limit"):
        decode_image(bytes(bomb))


def test_too_many_bytes_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "sparse.jpg", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    monkeypatch.setattr("builtins.open", None)  # not even opened
    with pytest.raises(DataError, match="too large; expected at most"):
        read_file(tmp_path / "sparse.jpg")


def test_a_pipe_or_device_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", "/dev/zero", tmp_path):
        with pytest.raises(DataError, match="not a regular file"):
            read_file(path)
    with pytest.raises(DataError, match="No such file"):
        read_file(tmp_path / "gone.jpg")
    os.symlink("loop.jpg", tmp_path / "loop.jpg")
    with pytest.raises(DataError, match="cannot be opened"):
        read_file(tmp_path / "loop.jpg")


@given(st.integers(0, len(JPEG) - 1), st.binary(min_size=1, max_size=40))
def test_damaged_bytes_give_an_image_or_a_data_error(position: int, junk: bytes) -> None:
    damaged = JPEG[:position] + junk + JPEG[position + len(junk) :]
    with contextlib.suppress(DataError):
        assert decode_image(damaged).ndim == 3


def test_damaged_files_of_every_kind_give_an_image_or_a_data_error_and_soon() -> None:
    """For a long run use `python -m tests.datasets.decoding.fuzz_decode`."""
    report = fuzz(count=40 * len(every_file()), seed=0)
    assert report.wrong == []
    assert report.slowest_s < 20
    assert report.peak_bytes < 2**30
    one_sided = {name for name, found in report.outcomes.items() if len(found) < 2}
    # The damage is neither too small nor too great to be informative; few PNGs survive.
    assert all(name.startswith("deep-") and name.endswith(".png") for name in one_sided)
