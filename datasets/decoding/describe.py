"""What one image file is: its hashes, its size and whose it is, or why it cannot be used."""

import hashlib
from typing import NamedTuple

import cv2

from datasets.decoding.decode import read_file, read_picture
from datasets.errors import DataError


class Description(NamedTuple):
    """What the manifest says of a file; what could not be had is "" or 0.

    `content_hash` is the sha256 (hex) of the bytes, `pixel_hash` of the shape and the RGB pixels;
    `width` and `height` are pixels as displayed, `size` is bytes, `contrast` is the largest
    standard deviation of a colour channel in grey levels, 0 for a picture of one colour.
    """

    content_hash: str = ""
    size: int = 0
    width: int = 0
    height: int = 0
    pixel_hash: str = ""
    patient: str = ""
    problem: str = ""
    contrast: float = 0.0


def describe(path: str) -> Description:
    """Read and decode a file once. A `DataError` on the way is the description's `problem`."""
    read = Description()
    try:
        data = read_file(path)
        read = read._replace(content_hash=hashlib.sha256(data).hexdigest(), size=len(data))
        pixels, patient = read_picture(data)
    except DataError as error:
        return read._replace(problem=str(error))
    height, width, _ = pixels.shape
    digest = hashlib.sha256(f"{pixels.shape}".encode())
    digest.update(pixels.data)
    contrast = float(cv2.meanStdDev(pixels)[1].max())
    return read._replace(
        width=width,
        height=height,
        pixel_hash=digest.hexdigest(),
        patient=patient,
        contrast=contrast,
    )
