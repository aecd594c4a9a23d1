"""Decode JPEG, PNG, TIFF, WebP, BMP and GIF files with Pillow; formats are detected by content.

Errors of Pillow and its decoders pass through; `datasets.decoding.decode` converts them.
"""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from datasets.decoding.deep_raster import PNG_DEPTH, is_deep, read_deep
from datasets.decoding.limits import MAX_SCANS, check_picture_size
from datasets.decoding.transparency import flattened
from datasets.errors import DataError

_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # EXIF orientation -> transposition that undoes it
_WARNINGS = threading.Lock()  # warnings.catch_warnings is not thread-safe


def decode_raster(data: bytes) -> NDArray[np.uint8]:
    """Decode the first frame to RGB, (H, W, 3) uint8, with the EXIF orientation applied.

    Grey, palette and CMYK are converted; CMYK counts as inverted where Adobe's marker is present.
    16 bits, grey or colour, are scaled to 8 by the range that the file uses (`depth`). Transparency
    is composited over white, or over black where the drawing is white (`transparency`).

    Raises:
        DataError: too large, too small, or of a pixel type without a fixed range.
    """
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > MAX_SCANS:
        raise DataError(f"a JPEG of more than {MAX_SCANS} scans; re-save it")
    with _open(data) as image:
        check_picture_size(*image.size)
        image.load()
        orientation = _orientation(image)
        deep = is_deep(image, data)
        upright = Image.fromarray(read_deep(image, data)) if deep else _to_rgb(image, data)
    if orientation in _UPRIGHT:
        upright = upright.transpose(_UPRIGHT[orientation])
    return np.array(upright, dtype=np.uint8)


def _open(data: bytes) -> Image.Image:
    with _no_warnings():
        Image.init()  # with `formats`, open() does not load the plugins it needs
        return Image.open(io.BytesIO(data), formats=_FORMATS)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Silence Pillow on odd metadata, and on bombs, which `check_picture_size` refuses."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1..8; 1 if only the metadata are broken."""
    try:
        with _no_warnings():
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (ValueError, TypeError, LookupError, SyntaxError, OSError, AttributeError):
        return 1


def _to_rgb(image: Image.Image, data: bytes) -> Image.Image:
    if image.mode == "F":
        raise DataError("floating-point pixels have no fixed range; save it with 8 or 16 bits")
    if image.has_transparency_data:
        _scale_transparent_grey(image, data)
        rgba = np.asarray(image.convert("RGBA"))
        return Image.fromarray(flattened(rgba[..., :3], rgba[..., 3]))
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        return _negative(image).convert("RGB")  # Pillow assumes Adobe's inverted inks
    return image.convert("RGB")


def _scale_transparent_grey(image: Image.Image, data: bytes) -> None:
    """Scale the transparent grey of a 2- or 4-bit PNG; Pillow scales only the pixels."""
    if image.format == "PNG" and image.mode == "L" and "transparency" in image.info:
        bits = min(8, data[PNG_DEPTH])
        image.info["transparency"] = image.info["transparency"] * 255 // (2**bits - 1)


def _negative(image: Image.Image) -> Image.Image:
    return image.point([255 - value for value in range(256)] * len(image.getbands()))
