"""Decode and preprocess files in a worker process: one decoding for pixels, hashes and thumbnail.

    python -m datasets.decoding.isolated_pixels   the worker

It reads a path and the fields of a `Preprocessing` per line, as JSON; see `isolation`.
"""

import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.decoding.decode import decode_image, read_file
from datasets.decoding.isolation import MAX_SECONDS, Worker, serve
from datasets.errors import DataError
from datasets.lookalikes.thumbnails import SIDE, thumbnail
from datasets.preprocess import Preprocessing, contents, preprocess

WORKER = (sys.executable, "-m", "datasets.decoding.isolated_pixels")


class ReadPixels(NamedTuple):
    """A file that was read.

    `pixels` (N, N, 3) uint8, preprocessed; `content_hash` is the sha256 of the bytes and
    `pixel_hash` that of shape and pixels as decoded, as in a manifest; `thumbnail` (SIDE, SIDE)
    uint8 and `aspect` are of what `pixels` shows, without padding.
    """

    pixels: NDArray[np.uint8]
    content_hash: str
    pixel_hash: str
    thumbnail: NDArray[np.uint8]
    aspect: float


class PixelReader(Worker):
    """Reads files in a worker process; a context manager, not thread-safe."""

    def __init__(self, command: Sequence[str] = WORKER, seconds: float = MAX_SECONDS) -> None:
        super().__init__(command, seconds)

    def read(self, path: str, how: Preprocessing) -> ReadPixels:
        """Raises DataError: in one line, why the file cannot be read."""
        answer = self.ask([os.path.abspath(path), asdict(how)])
        if isinstance(answer, str):
            raise DataError(answer)
        (problem, content_hash, pixel_hash, aspect), blobs = answer
        if problem:
            raise DataError(problem)
        pixels, small = (np.frombuffer(one, np.uint8) for one in blobs)
        shape = (how.image_size, how.image_size, 3)
        return ReadPixels(
            pixels.reshape(shape), content_hash, pixel_hash, small.reshape(SIDE, SIDE), aspect
        )


def read_pixels(request: Any) -> tuple[list[Any], list[bytes]]:
    """The fields and the arrays of an answer, of a request as `PixelReader` sends it."""
    path, settings = request
    how = Preprocessing.of(settings)
    try:
        data = read_file(path)
        image = decode_image(data)
    except DataError as error:
        return [str(error), "", "", 0.0], []
    height, width, _ = image.shape
    pixels = preprocess(image, how)
    shown, aspect = contents(pixels, width, height, how)
    digest = hashlib.sha256(f"{image.shape}".encode())
    digest.update(image.data)
    fields = ["", hashlib.sha256(data).hexdigest(), digest.hexdigest(), aspect]
    return fields, [np.ascontiguousarray(pixels).tobytes(), thumbnail(shown).tobytes()]


if __name__ == "__main__":
    serve(read_pixels)
