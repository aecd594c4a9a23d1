"""The table of all images: what each is, by content, and which cannot be used and why.

`image_id` is the sha256 of the file's bytes, so that nothing downstream depends on a path. Decoding
every file once costs seconds per thousand images and finds the broken ones before the sweep does.
"""

import hashlib
import io
import struct
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from datasets.errors import DataError
from datasets.sources import ImageFile

COLUMNS = (
    "image_id",
    "path",
    "origin",
    "class",
    "width",
    "height",
    "bytes",
    "pixel_hash",
    "patient",
    "group",
    "problem",
)
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF")  # by content; the suffix may lie
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    ZeroDivisionError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_OPENING = threading.Lock()  # warnings.catch_warnings is not safe between threads


def build_manifest(root: str, files: list[ImageFile], workers: int = 8) -> pd.DataFrame:
    """Read and decode every file once.

    Args:
        root: the local folder that `files` are relative to.
        files: as `list_folder` returns them.
        workers: threads.

    Returns:
        `COLUMNS`, one row per file, sorted by path. `image_id` is the sha256 (hex) of the bytes;
        where the same bytes occur again (in order of class, path) "-2", "-3", ... is appended.
        `width` and `height` are pixels as displayed (EXIF orientation applied); `pixel_hash` is the
        sha256 (hex) of the decoded RGB pixels and their shape, "" where there are none; `patient`
        is what the file itself says of whose picture it is, "" for most; `group` is the image
        itself until `duplicates.with_groups` fills it. A file that cannot be used keeps its
        row, with the reason in `problem` ("" otherwise).
    """
    with ThreadPoolExecutor(max_workers=workers) as pool:
        rows = list(pool.map(lambda file: _row(Path(root), file), files))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.sort_values(["class", "path"], ignore_index=True)
    earlier = table.groupby("image_id").cumcount()  # 0 for the first file with these bytes
    table["image_id"] += earlier.map(lambda n: f"-{n + 1}" if n else "")
    table["group"] = table["image_id"]
    return table.sort_values("path", ignore_index=True)


def usable(manifest: pd.DataFrame) -> pd.DataFrame:
    """The rows without a problem, index reset."""
    return manifest[manifest["problem"] == ""].reset_index(drop=True)


def manifest_hash(manifest: pd.DataFrame) -> str:
    """sha256 (hex) over the sorted (image_id, class) of the usable rows: content, never a path."""
    rows = usable(manifest)
    digest = hashlib.sha256()
    for image_id, class_name in sorted(zip(rows["image_id"], rows["class"], strict=True)):
        digest.update(f"{image_id}\0{class_name}\n".encode())
    return digest.hexdigest()


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """Decode an image file's bytes to RGB.

    Grey, palette and CMYK images are converted, 16-bit grey is scaled to 8, transparency is
    composited over black, the EXIF orientation is applied; of several frames the first is taken.

    Returns:
        (H, W, 3) uint8.

    Raises:
        DataError: not an image, truncated, too large, or of a pixel type without a fixed range.
    """
    try:
        with _open(data) as image:
            return np.array(_to_rgb(ImageOps.exif_transpose(image)), dtype=np.uint8)
    except DataError:
        raise
    except UnidentifiedImageError:
        kind = "empty file" if not data else "not an image"
        raise DataError(f"cannot be read as an image: {kind}") from None
    except _DECODER_ERRORS as error:
        raise DataError(f"cannot be read as an image: {_one_line(error)}") from error


def _open(data: bytes) -> Image.Image:
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.init()  # with `formats`, open() does not load the plugins that it needs
        return Image.open(io.BytesIO(data), formats=_FORMATS)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise DataError("floating-point pixels have no fixed range; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        image = _to_8_bits(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, rgba).convert("RGB")
    return image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """A grey image of 16 bits (or of 32 that hold 16) -> 8 bits: 65535 becomes 255."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise DataError("grey values outside 0..65535; save it with 8 or 16 bits")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _row(root: Path, file: ImageFile) -> dict[str, str | int]:
    width, height, size, pixel_hash, problem = 0, 0, 0, "", ""
    content = hashlib.sha256(file.path.encode())  # stands in only where the bytes cannot be had
    try:
        data = (root / file.path).read_bytes()
        size, content = len(data), hashlib.sha256(data)
        pixels = decode_image(data)
        height, width, _ = pixels.shape
        pixel_hash = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    except DataError as error:
        problem = str(error)
    except OSError as error:
        problem = f"cannot be opened: {error.strerror or error}"
    return {
        "image_id": content.hexdigest(),
        "path": file.path,
        "origin": file.origin,
        "class": file.class_name,
        "width": width,
        "height": height,
        "bytes": size,
        "pixel_hash": pixel_hash,
        "patient": "",
        "group": "",
        "problem": problem,
    }


def _one_line(error: BaseException) -> str:
    """The decoder's own words on one line; "truncated" where it says so in more of them."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "truncated" if "truncated" in text.lower() else text
