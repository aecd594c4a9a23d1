"""Everyday picture files by Pillow: JPEG, PNG, TIFF, WebP, BMP and GIF, told by content.

Errors of Pillow and of its decoders pass through; `datasets.decoding.decode` gives them one form.
"""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin

from datasets.decoding.levels import look_up
from datasets.decoding.limits import MAX_SCANS, check_picture_size
from datasets.errors import DataError

_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF")  # the suffix may lie
_DEPTHS = (8, 10, 12, 14, 16)  # bits that a 16-bit file may really hold
_WHITE_IS_ZERO = 0  # TIFF PhotometricInterpretation
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # EXIF orientation -> what undoes it
_WARNINGS = threading.Lock()  # warnings.catch_warnings is not safe between threads


def decode_raster(data: bytes) -> NDArray[np.uint8]:
    """Decode to RGB, (H, W, 3) uint8, upright by the EXIF orientation; of several frames the first.

    Grey, palette and CMYK are converted; CMYK counts as inverted where Adobe's marker says who
    wrote it. 16-bit grey is scaled to 8 by the bits that it uses (10, 12, 14 or 16: a 12-bit
    radiograph in a 16-bit file would otherwise keep 16 of its levels); of 16-bit colours the high
    byte is kept. Transparency is laid over black.

    Raises:
        DataError: too large, too small, or of a pixel type without a fixed range.
    """
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > MAX_SCANS:
        raise DataError(f"a JPEG of more than {MAX_SCANS} scans; save it again")
    with _open(data) as image:
        check_picture_size(*image.size)
        image.load()
        orientation = _orientation(image)
        upright = _to_rgb(image)
    if orientation in _UPRIGHT:
        upright = upright.transpose(_UPRIGHT[orientation])
    return np.array(upright, dtype=np.uint8)


def _open(data: bytes) -> Image.Image:
    with _no_warnings():
        Image.init()  # with `formats`, open() does not load the plugins that it needs
        return Image.open(io.BytesIO(data), formats=_FORMATS)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Pillow warns of odd metadata, and of bombs that `check_picture_size` refuses."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1..8; 1 where the metadata are broken, for the picture is not."""
    try:
        with _no_warnings():
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (ValueError, TypeError, LookupError, SyntaxError, OSError, AttributeError):
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise DataError("floating-point pixels have no fixed range; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        image = _to_8_bits(image)
    if image.has_transparency_data:
        rgba, black = image.convert("RGBA"), Image.new("RGB", image.size)
        black.paste(rgba, mask=rgba)
        return black
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        return _negative(image).convert("RGB")  # Pillow takes Adobe's inverted inks for granted
    return image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits (or of 32 that hold 16) -> 8 bits: the largest value of its depth is 255."""
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise DataError("grey values outside 0..65535; save it with 8 or 16 bits")
    white = 2 ** next(bits for bits in _DEPTHS if high < 2**bits) - 1
    levels = np.clip((np.arange(65536) * 255 + white // 2) // white, 0, 255).astype(np.uint8)
    if _is_negative(image):
        levels = 255 - levels
    return Image.fromarray(look_up(levels, values.astype(np.uint16, copy=False)))


def _is_negative(image: Image.Image) -> bool:
    """Whether a TIFF file of 16 bits has 0 for white; of 8 bits, Pillow sees to it."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or not image.mode.startswith("I;16"):
        return False
    return bool(image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO)


def _negative(image: Image.Image) -> Image.Image:
    return image.point([255 - value for value in range(256)] * len(image.getbands()))
