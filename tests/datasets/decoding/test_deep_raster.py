"""16-bit PNG and TIFF: no bit is lost before the levels are chosen."""

import numpy as np
import pytest
from PIL import Image

from datasets.decoding.decode import decode_image
from datasets.errors import DataError
from tests.datasets.decoding.picture_files import (
    encoded,
    png,
    png_of_grey,
    tiff_of_colours,
    turned_exif,
)

BAND = np.linspace(32768 - 1000, 32768 + 2000, 480).round().astype(np.uint16).reshape(20, 24)
COLOURS = np.dstack([BAND - 32768 + 1000, BAND[::-1] - 32768 + 1000, BAND[:, ::-1] - 32768 + 1000])
OPAQUE = np.full((20, 24, 1), 65535, np.uint16)
FILES = {
    "grey.png": encoded(Image.fromarray(BAND)),
    "grey.tif": encoded(Image.fromarray(BAND), "TIFF"),
    "grey-key.png": png_of_grey(BAND, 16, transparent=7),
    "grey-alpha.png": png(np.dstack([BAND, OPAQUE])),
    "colours.png": png(COLOURS),
    "colours-alpha.png": png(np.dstack([COLOURS, OPAQUE])),
    "colours.tif": tiff_of_colours(COLOURS),
    "colours-alpha.tif": tiff_of_colours(np.dstack([COLOURS, OPAQUE]), extra=2),
    "colours-unused.tif": tiff_of_colours(np.dstack([COLOURS, OPAQUE]), extra=0),
    "signed.tif": encoded(Image.fromarray(BAND.astype(np.int32) - 32768), "TIFF"),
}


@pytest.mark.parametrize("name", FILES)
def test_3000_values_anywhere_in_16_bits_keep_256_levels(name: str) -> None:
    pixels = decode_image(FILES[name])
    assert pixels.shape == (20, 24, 3)
    assert len(np.unique(pixels)) > 180
    assert pixels.max() > 180


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_channel_order_and_relative_brightness_are_kept(kind: str) -> None:
    pixels = decode_image(FILES[f"colours.{kind}"])
    np.testing.assert_array_equal(pixels, np.rint(COLOURS / 4095 * 255))


def test_a_12_bit_alpha_channel_is_opaque_at_its_own_maximum() -> None:
    deep = np.dstack([COLOURS, np.full((20, 24, 1), 4095, np.uint16)])
    np.testing.assert_array_equal(decode_image(png(deep)), decode_image(FILES["colours.png"]))


def test_ink_on_transparency_stays_visible_in_16_bits() -> None:
    alpha = np.zeros((20, 24, 1), np.uint16)
    alpha[5:9, 6:20] = 65535
    pixels = decode_image(png(np.dstack([np.zeros_like(COLOURS), alpha])))
    np.testing.assert_array_equal(pixels[..., 0], np.where(alpha[..., 0], 0, 255))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_files_are_turned_upright_once(orientation: int) -> None:
    upright = decode_image(FILES["colours.tif"])
    stored = {
        1: COLOURS,
        2: COLOURS[:, ::-1],
        3: COLOURS[::-1, ::-1],
        4: COLOURS[::-1],
        5: COLOURS.transpose(1, 0, 2),
        6: np.rot90(COLOURS, 1),
        7: COLOURS[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(COLOURS, -1),
    }[orientation]
    tiff = tiff_of_colours(np.ascontiguousarray(stored), orientation)
    np.testing.assert_array_equal(decode_image(tiff), upright)
    turned = with_exif(png(np.ascontiguousarray(stored)), orientation)
    np.testing.assert_array_equal(decode_image(turned), upright)


def with_exif(png: bytes, orientation: int) -> bytes:
    """A PNG file with another file's eXIf chunk before its pixels."""
    other = encoded(Image.new("L", (16, 16)), exif=turned_exif(orientation))
    start = other.index(b"eXIf") - 4
    chunk = other[start : start + 12 + int.from_bytes(other[start : start + 4], "big")]
    at = png.index(b"IDAT") - 4
    return png[:at] + chunk + png[at:]


def test_odd_tags_cause_no_output(capfd: pytest.CaptureFixture[str]) -> None:
    decode_image(tiff_of_colours(np.dstack([COLOURS, OPAQUE])))  # a sample without a tag
    assert capfd.readouterr() == ("", "")


def test_an_unsupported_kind_of_tiff_is_reported_as_one() -> None:
    with pytest.raises(DataError, match="unsupported kind of TIFF file"):
        decode_image(tiff_of_colours(np.dstack([BAND, BAND])))
