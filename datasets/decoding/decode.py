"""Decode the bytes of any supported image file, DICOM included, to RGB pixels.

Formats are detected by content, never by file name. Decoders raise all kinds of errors on damaged
files; all of them are converted to a one-line `DataError` here.
"""

import os
import stat
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from datasets.decoding.dicom_detection import is_dicom
from datasets.decoding.limits import MAX_BYTES, check_file_size
from datasets.decoding.raster import decode_raster
from datasets.errors import DataError

DECODING_VERSION = 2
"""Bump it when anything changes the decoded pixels: everything derived from them is rebuilt."""

# Base classes of the errors that Pillow, pydicom and imagecodecs raise on damaged files.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    EOFError,
    RuntimeError,  # and NotImplementedError, RecursionError, every error of imagecodecs
    BufferError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
_CUT_SHORT = ("truncated", "less than expected", "insufficient pixel data")
_REASON_LENGTH = 200
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PLUGINS_FAILED = "Unable to decode as exceptions were raised by all available plugins: "


class Picture(NamedTuple):
    """A decoded file: `pixels` (H, W, 3) uint8; `patient` as `dicom.patient_hash` or ""."""

    pixels: NDArray[np.uint8]
    patient: str


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """Decode the bytes of an image file to RGB: see `decode_raster` and `read_dicom`.

    Returns:
        (H, W, 3) uint8.

    Raises:
        DataError: not an image, damaged, truncated, too large or too small (`limits`), or of an
            unsupported pixel type or compression.
    """
    return read_picture(data).pixels


def read_picture(data: bytes) -> Picture:
    """Decode as `decode_image` does, and return the patient's hash too. Raises the same errors."""
    try:
        check_file_size(len(data))
        if is_dicom(data):
            from datasets.decoding.dicom import read_dicom  # pydicom: half a second to import

            return Picture(*read_dicom(data))
        return Picture(decode_raster(data), "")
    except DataError as error:
        raise DataError(_clean(str(error))) from None  # it may quote the file
    except UnidentifiedImageError:
        raise DataError(f"cannot be read as an image: {_kind(data)}") from None
    except _DECODER_ERRORS as error:
        raise DataError(f"cannot be read as an image: {_one_line(error)}") from error


def read_tags(data: bytes, keywords: list[str]) -> dict[str, str]:
    """The texts of elements of a DICOM header: see `dicom.header_texts`. Raises DataError."""
    from datasets.decoding.dicom import header_texts

    try:
        return header_texts(data, keywords)
    except _DECODER_ERRORS as error:
        raise DataError(f"cannot be read as DICOM: {_one_line(error)}") from error


def read_file(path: str | Path) -> bytes:
    """Read a regular file.

    Raises:
        DataError: it cannot be opened, is larger than `MAX_BYTES`, or is a pipe or a device, which
            might never end.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise DataError("cannot be opened: not a regular file")
        check_file_size(status.st_size)
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot be opened: {error.strerror or error}") from error


def _kind(data: bytes) -> str:
    """Describe a file that no decoder recognises."""
    if data.startswith(_TIFF):
        return "unsupported kind of TIFF file; save it with 8 or 16 bits, grey or RGB"
    return "not an image" if data else "empty file"


def _one_line(error: BaseException) -> str:
    """The decoder's message on one line, shortened to "truncated" where it means that."""
    text = _clean(str(error)).removeprefix(_PLUGINS_FAILED) or type(error).__name__
    return "truncated" if any(word in text.lower() for word in _CUT_SHORT) else text


def _clean(text: str) -> str:
    """Collapse to one line of limited length, without control characters."""
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    return " ".join(words)[:_REASON_LENGTH]
