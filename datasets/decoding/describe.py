"""What one image file is: its hashes, its size and whose it is, or why it cannot be used."""

import hashlib
from typing import NamedTuple

import cv2

from datasets.decoding.decode import Picture, read_file, read_picture
from datasets.decoding.small_pictures import SmallPictures, small_pictures
from datasets.errors import DataError

DESCRIPTION_VERSION = 1  # of everything that `describe` makes of a file's pixels


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


class Described(NamedTuple):
    """A file that was read: its description, and small pictures of it where it can be used.

    Without a content hash the description says nothing of the bytes: they could not be had, or the
    decoder ran out of memory or time or crashed, which may end otherwise another time.
    """

    description: Description
    pictures: SmallPictures | None = None


def describe(path: str) -> Described:
    """Read and decode a file once. A `DataError` on the way is the description's `problem`."""
    read = Description()
    try:
        data = read_file(path)
        read = read._replace(content_hash=hashlib.sha256(data).hexdigest(), size=len(data))
        picture = read_picture(data)
    except DataError as error:
        if isinstance(error.__cause__, MemoryError):
            read = read._replace(content_hash="")
        return Described(read._replace(problem=str(error)))
    return Described(_described(read, picture), small_pictures(picture.pixels))


def _described(read: Description, picture: Picture) -> Description:
    height, width, _ = picture.pixels.shape
    digest = hashlib.sha256(f"{picture.pixels.shape}".encode())
    digest.update(picture.pixels.data)
    return read._replace(
        width=width,
        height=height,
        pixel_hash=digest.hexdigest(),
        patient=picture.patient,
        contrast=float(cv2.meanStdDev(picture.pixels)[1].max()),
    )
