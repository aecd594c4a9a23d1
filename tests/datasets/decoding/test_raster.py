"""Pixels of every common format."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from datasets.decoding.limits import MAX_SCANS
from datasets.decoding.raster import decode_raster
from datasets.errors import DataError
from tests.datasets.decoding.dicom_files import ramp
from tests.datasets.decoding.picture_files import colours, encoded, png, png_of_grey, turned_exif

ROOT = Path(__file__).parents[3]
COLOURS = colours()
PICTURE = Image.fromarray(COLOURS)
LOSSY = 6  # tolerance in grey levels for JPEG at quality 95 on smooth colours


def _grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=-1)


def _assert_near(pixels: np.ndarray, expected: np.ndarray, tolerance: int) -> None:
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "PNG", "WEBP"])
def test_every_lossless_format_is_read_in_a_fresh_process(kind: str, tmp_path: Path) -> None:
    """Pillow loads most of its plugins on demand."""
    path = tmp_path / "image"
    path.write_bytes(encoded(PICTURE, kind, lossless=True))
    code = (
        "import sys; from datasets.decoding.decode import decode_image;"
        "sys.stdout.buffer.write(decode_image(open(sys.argv[1], 'rb').read()).tobytes())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, check=True
    )
    assert run.stdout == COLOURS.tobytes()


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff_is_read(compression: str) -> None:
    data = encoded(PICTURE, "TIFF", compression=compression)
    np.testing.assert_array_equal(decode_raster(data), COLOURS)


def test_the_first_of_several_pages_or_frames_is_used() -> None:
    other = [Image.new("RGB", PICTURE.size)]
    pages = encoded(PICTURE, "TIFF", save_all=True, append_images=other)
    np.testing.assert_array_equal(decode_raster(pages), COLOURS)
    red = Image.new("P", (20, 20), 1)
    red.putpalette([0, 0, 0, 255, 0, 0])
    frames = encoded(red, "GIF", save_all=True, append_images=[Image.new("P", (20, 20))])
    assert decode_raster(frames)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_of_colours_and_of_grey_is_read(progressive: bool) -> None:
    options = {"quality": 95, "subsampling": 0, "progressive": progressive}
    _assert_near(decode_raster(encoded(PICTURE, "JPEG", **options)), COLOURS, LOSSY)
    grey = PICTURE.convert("L")
    data = encoded(grey, "JPEG", **options)
    _assert_near(decode_raster(data), _grey(np.asarray(grey)), LOSSY)


def test_grey_is_repeated_in_three_channels() -> None:
    grey = np.asarray(PICTURE.convert("L"))
    np.testing.assert_array_equal(decode_raster(encoded(Image.fromarray(grey))), _grey(grey))


def _cmyk_jpeg(adobe: bool) -> bytes:
    """PICTURE in CMYK as JPEG; Adobe's programs invert it and add their marker."""
    inks = encoded(PICTURE.convert("CMYK"), "JPEG", quality=100, subsampling=0)  # inverted
    at = inks.index(b"\xff\xee")
    assert inks[at + 4 : at + 9] == b"Adobe"
    if adobe:
        return inks
    plain = Image.fromarray(255 - np.asarray(PICTURE.convert("CMYK")), "CMYK")
    inks = encoded(plain, "JPEG", quality=100, subsampling=0)
    at = inks.index(b"\xff\xee")
    return inks[:at] + inks[at + 2 + int.from_bytes(inks[at + 2 : at + 4], "big") :]


@pytest.mark.parametrize("adobe", [True, False])
def test_cmyk_jpeg_is_read_inverted_or_not(adobe: bool) -> None:
    _assert_near(decode_raster(_cmyk_jpeg(adobe)), COLOURS, LOSSY)


def test_palette_and_bilevel_are_converted() -> None:
    red = Image.new("RGB", (20, 16), (255, 0, 0))
    np.testing.assert_array_equal(decode_raster(encoded(red.quantize(4))), np.asarray(red))
    assert decode_raster(encoded(Image.new("1", (20, 16), 1))).min() == 255


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_to_8_bits(kind: str) -> None:
    values = np.full((16, 16), 65535, np.uint16)
    values[0, :6] = 0, 257, 32896, 65535, 128, 129
    decoded = decode_raster(encoded(Image.fromarray(values), kind))
    np.testing.assert_array_equal(decoded[0, :6], _grey(np.array([0, 1, 128, 255, 0, 1])))


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_16_bit_grey_that_uses_fewer_bits_keeps_256_levels(bits: int) -> None:
    values = ramp(32, 32, 2**bits - 1)
    decoded = decode_raster(encoded(Image.fromarray(values)))
    np.testing.assert_array_equal(decoded, _grey(np.rint(values / (2**bits - 1) * 255)))
    assert len(np.unique(decoded)) == 256


def test_16_bit_tiff_with_0_for_white_is_inverted() -> None:
    values = ramp(20, 24, 65535)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    data = bytearray(encoded(Image.fromarray(values), "TIFF", tiffinfo=tags))
    entry = data.index(b"\x06\x01\x03\x00")  # tag 262, a short
    assert data[entry + 8] == 1
    data[entry + 8] = 0
    np.testing.assert_array_equal(decode_raster(bytes(data)), _grey(255 - np.rint(values / 257)))


def test_16_bit_colours_are_scaled_to_8_bits() -> None:
    deep = COLOURS.astype(np.uint16) * 257
    np.testing.assert_array_equal(decode_raster(png(deep)), COLOURS)


@pytest.mark.parametrize(
    ("mode", "ink", "ground"),
    [("RGBA", 0, 255), ("LA", 0, 255), ("RGBA", 255, 0), ("LA", 250, 0), ("RGBA", 128, 255)],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_a_drawing_on_transparency_stays_visible(
    mode: str, ink: int, ground: int, kind: str
) -> None:
    alpha = np.zeros((20, 30), np.uint8)
    alpha[5:15, 8:20] = 255
    drawing = Image.new(
        "RGB" if mode == "RGBA" else "L", (30, 20), 3 * (ink,) if mode == "RGBA" else ink
    )
    drawing.putalpha(Image.fromarray(alpha))
    options = {"lossless": True} if kind == "WEBP" else {}
    pixels = decode_raster(encoded(drawing, kind, **options))
    assert set(pixels[alpha == 255].ravel()) == {ink}
    assert set(pixels[alpha == 0].ravel()) == {ground}


def _ink_in_palette() -> Image.Image:
    """Black on transparent black: two palette entries of one colour."""
    drawing = Image.new("P", (20, 16), 0)
    drawing.putpalette([0, 0, 0, 0, 0, 0])
    drawing.paste(1, (4, 4, 12, 10))
    return drawing


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_transparent(kind: str) -> None:
    pixels = decode_raster(encoded(_ink_in_palette(), kind, transparency=0))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[5, 5].tolist() == [0, 0, 0]


def test_the_transparent_colour_of_a_png_is_transparent() -> None:
    for drawing, key in ((Image.new("RGB", (20, 16)), (0, 0, 0)), (Image.new("L", (20, 16)), 0)):
        drawing.paste((9, 9, 9) if drawing.mode == "RGB" else 9, (4, 4, 12, 10))
        pixels = decode_raster(encoded(drawing, transparency=key))
        assert pixels[0, 0].tolist() == [255, 255, 255]
        assert pixels[5, 5].tolist() == [9, 9, 9]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_the_transparent_grey_of_a_png_has_its_own_bit_depth(bits: int) -> None:
    """White is transparent, the drawing is black: over white it is unchanged."""
    values = np.full((16, 32), 2**bits - 1, np.uint16)
    values[4:9, 8:16] = 0
    pixels = decode_raster(png_of_grey(values, bits, transparent=2**bits - 1))
    np.testing.assert_array_equal(pixels, _grey(np.where(values == 0, 0, 255)))
    inverse = decode_raster(png_of_grey(values, bits, transparent=0))  # white ink on transparency
    np.testing.assert_array_equal(inverse, _grey(np.where(values == 0, 0, 255)))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    turned = {
        1: COLOURS,
        2: COLOURS[:, ::-1],
        3: COLOURS[::-1, ::-1],
        4: COLOURS[::-1],
        5: COLOURS.transpose(1, 0, 2),
        6: np.rot90(COLOURS, -1),
        7: COLOURS[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(COLOURS, 1),
    }
    data = encoded(PICTURE, kind, exif=turned_exif(orientation), lossless=True)
    np.testing.assert_array_equal(decode_raster(data), turned[orientation])


def test_broken_exif_does_not_prevent_decoding() -> None:
    data = encoded(PICTURE, exif=b"Exif\0\0II*\0\xff\xff\xff\xff\xff\xff")
    np.testing.assert_array_equal(decode_raster(data), COLOURS)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = encoded(PICTURE, "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    bomb = data[:scan] + data[scan:-2] * MAX_SCANS + data[-2:]
    with pytest.raises(DataError, match="scans"):
        decode_raster(bomb)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.ones((16, 16), np.float32), "floating-point"),
        (np.full((16, 16), 70000, np.int32), "outside 0..65535"),
    ],
)
def test_pixels_without_a_fixed_range_are_refused(pixels: np.ndarray, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        decode_raster(encoded(Image.fromarray(pixels), "TIFF"))
