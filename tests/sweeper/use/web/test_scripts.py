"""The page's JavaScript decodes and preprocesses to the bit as Python does, or refuses a file."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from datasets.decoding.decode import decode_image
from datasets.errors import DataError
from datasets.preprocess import (
    CONTRASTS,
    CROP_MODES,
    FITS,
    INTERPOLATIONS,
    Preprocessing,
    preprocess,
)
from tests.datasets.decoding.picture_files import (
    colours,
    encoded,
    every_file,
    png_of_grey,
    turned_exif,
)
from tests.reports.browser import Browser
from tests.sweeper.use.web.scripts import decoded, open_scripts, preprocessed

REFUSED = {
    "cmyk.jpg": "CMYK",
    "lossy.webp": "partly transparent",
    "frames.gif": "GIF is not read here",
    "tif": "TIFF is not read here",
    "dcm": "DICOM is not read here",
}
SIZES = [(64, 64), (128, 128), (192, 320), (90, 100), (333, 217), (40, 50), (40, 500), (17, 33)]


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    open_scripts(browser, tmp_path_factory.mktemp("scripts"))
    return browser


def photo(height: int, width: int) -> np.ndarray:
    """Smooth colours with edges, (height, width, 3) uint8."""
    rng = np.random.default_rng([height, width])
    small = rng.integers(0, 256, (height // 9 + 2, width // 7 + 2, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_preprocessing_is_bit_identical(page: Browser, fit: str, contrast: str) -> None:
    for size, grey, clahe in product(SIZES, (False, True), (None, 2.0)):
        check_same(page, size, Preprocessing(64, contrast, fit, grey, clahe))


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_resampling_is_bit_identical(page: Browser, fit: str, interpolation: str) -> None:
    for size in [*SIZES, (900, 700), (640, 224), (200, 700)]:
        check_same(page, size, Preprocessing(64, fit=fit, interpolation=interpolation))


@pytest.mark.parametrize("crop_mode", CROP_MODES)
def test_the_crop_of_a_backbone_is_bit_identical(page: Browser, crop_mode: str) -> None:
    for size, crop_pct in product([*SIZES, (20, 700)], (0.875, 1.0)):
        how = Preprocessing(
            64,
            fit="model",
            interpolation="bicubic",
            crop_mode=crop_mode,
            crop_pct=crop_pct,
            fill=(124, 116, 104),
        )
        check_same(page, size, how)


def check_same(page: Browser, size: tuple[int, int], how: Preprocessing) -> None:
    image = photo(*size)
    found = preprocessed(page, image, how)
    np.testing.assert_array_equal(found, preprocess(image, how), f"{size} {how}")


@pytest.mark.parametrize("name", list(every_file()))
def test_every_kind_of_file_is_decoded_as_in_training_or_refused(page: Browser, name: str) -> None:
    data = every_file()[name]
    found = decoded(page, data)
    refused = REFUSED.get(name) or REFUSED.get(name.partition(".")[2])
    if refused:
        assert isinstance(found, str)
        assert refused in found
        assert "\n" not in found
    else:
        np.testing.assert_array_equal(found, decode_image(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_orientation_is_applied(page: Browser, kind: str) -> None:
    picture = Image.fromarray(colours(61, 47))
    for orientation in range(1, 9):
        data = encoded(picture, kind, exif=turned_exif(orientation))
        np.testing.assert_array_equal(decoded(page, data), decode_image(data), f"{orientation}")


def test_large_and_noisy_photos_are_decoded_as_in_training(page: Browser) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (123, 211, 3), np.uint8))
    for data in (
        encoded(Image.fromarray(photo(2400, 3600)), "JPEG"),  # more than one strip
        encoded(noise, "JPEG", quality=60),
        encoded(noise, "JPEG", subsampling=0),
        encoded(noise.convert("L"), "JPEG", quality=50),
        encoded(noise, "WEBP", quality=70),
    ):
        np.testing.assert_array_equal(decoded(page, data), decode_image(data))


def test_colour_profiles_are_ignored_as_in_training(page: Browser) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"none").replace(b"gXYZ", b"rXYZ").replace(b"none", b"gXYZ")
    data = encoded(Image.fromarray(colours(40, 30)), "JPEG", icc_profile=swapped)
    np.testing.assert_array_equal(decoded(page, data), decode_image(data))


def test_sixteen_bits_are_scaled_by_the_range_in_use(page: Browser) -> None:
    rng = np.random.default_rng(1)
    narrow = rng.integers(30_000, 31_000, (40, 48)).astype(np.uint16)
    narrow[:2, :2] = 65535  # a burned-in mark
    for values in (narrow, rng.integers(0, 4096, (40, 48)).astype(np.uint16)):
        data = png_of_grey(values, 16)
        np.testing.assert_array_equal(decoded(page, data), decode_image(data))


def test_an_interlaced_file_is_read(page: Browser) -> None:
    pixels = photo(29, 45)
    parameters = [cv2.IMWRITE_PNG_FILTER, 0]
    plain = bytes(cv2.imencode(".png", pixels[..., ::-1], parameters)[1])
    np.testing.assert_array_equal(decoded(page, plain), pixels)
    np.testing.assert_array_equal(decoded(page, interlaced(pixels)), pixels)


def interlaced(pixels: np.ndarray) -> bytes:
    """An Adam7 PNG file, which neither Pillow nor OpenCV writes."""
    import struct
    import zlib

    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    rows = [
        b"\0" + row.tobytes()
        for left, top, across, down in [*passes, (0, 1, 1, 2)]
        for row in pixels[top::down, left::across]
    ]
    height, width, _ = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [
            (b"IHDR", head),
            (b"IDAT", zlib.compress(b"".join(rows))),
            (b"IEND", b""),
        ]
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        encoded(Image.fromarray(colours()), "JPEG")[:-200],
        encoded(Image.fromarray(photo(99, 99)))[:3000],
        encoded(Image.fromarray(colours(15, 40))),  # too small
    ],
    ids=["empty", "text", "torn JPEG", "torn PNG", "small"],
)
def test_what_training_refuses_is_refused(page: Browser, data: bytes) -> None:
    with pytest.raises(DataError):
        decode_image(data)
    found = decoded(page, data)
    assert isinstance(found, str)
    assert found
    assert "\n" not in found
