"""PNG and TIFF files with 16 bits per channel, decoded at full depth.

Pillow reads 16-bit grey at full depth, but keeps only the high byte of colours and of grey with
alpha, which loses most of a 12-bit image. Those are decoded by OpenCV, after Pillow has read the
file without an error.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from datasets.decoding.depth import depth_of, to_8_bits
from datasets.decoding.levels import look_up
from datasets.decoding.transparency import flattened
from datasets.errors import DataError

PNG_DEPTH = 24  # offset of the bit depth in a PNG file
_WHITE_IS_ZERO = 0  # TIFF PhotometricInterpretation
_COLOURS = (
    "RGB",
    "RGBA",
    "RGBX",
    "RGBa",
)  # Pillow's modes for colours, and for PNG's grey + alpha

# OpenCV prints warnings about odd TIFF tags; real failures are raised as errors.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

Deep = NDArray[np.uint16]


def is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether an opened file has more than 8 bits per channel and is supported by `read_deep`."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        return True
    return image.mode in _COLOURS and _bits(image, data) > 8


def read_deep(image: Image.Image, data: bytes) -> NDArray[np.uint8]:
    """Scale to 8 bits by the range in use (`depth.to_8_bits`) and flatten (`transparency`).

    Args:
        image: the file as opened and loaded by Pillow.
        data: its bytes.

    Returns:
        (H, W, 3), EXIF orientation not applied yet.

    Raises:
        DataError: grey values that do not fit into 16 bits.
    """
    values, alpha = _colours(image, data) if image.mode in _COLOURS else (_grey(image), None)
    key = image.info.get("transparency")
    if key is not None:
        alpha = np.where(_is_key(values, key), 0, 255).astype(np.uint8)
    levels = to_8_bits(values)
    if _is_negative(image):
        levels = 255 - levels
    rgb = levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, axis=2)
    return rgb if alpha is None else flattened(rgb, alpha)


def _bits(image: Image.Image, data: bytes) -> int:
    if image.format == "PNG":
        return data[PNG_DEPTH]
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(max(image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (8,))))
    return 8


def _grey(image: Image.Image) -> Deep:
    """(H, W). Signed values are shifted by 32768 where any is negative."""
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if -32768 <= low < 0 and high < 32768:
        values = values + 32768
    elif low < 0 or high > 65535:
        raise DataError("grey values outside 0..65535; save it with 8 or 16 bits")
    return values.astype(np.uint16, copy=False)


def _colours(image: Image.Image, data: bytes) -> tuple[Deep, NDArray[np.uint8] | None]:
    """(H, W, 3), and (H, W) where the file has an alpha channel."""
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16 or decoded.shape[2:] not in ((3,), (4,)):
        raise DataError("unsupported kind of 16-bit colours; save it with 8 bits")
    values = np.asarray(decoded[..., 2::-1], np.uint16)
    if image.mode not in ("RGBA", "RGBa"):
        return values, None
    return values, _alpha(np.asarray(decoded[..., 3], np.uint16))


def _alpha(values: Deep) -> NDArray[np.uint8]:
    """Opaque is the largest value of the depth in use: in 12-bit files alpha has 12 bits too."""
    opaque = depth_of(int(values.max()))
    return look_up(np.minimum(np.arange(65536) * 255 // opaque, 255).astype(np.uint8), values)


def _is_key(values: Deep, key: object) -> NDArray[np.bool_]:
    """(H, W): which pixels have the colour that a PNG file declares transparent."""
    same = values == np.asarray(key, np.uint16)
    return np.asarray(same if same.ndim == 2 else same.all(axis=2))


def _is_negative(image: Image.Image) -> bool:
    """Whether 0 is white in a 16-bit TIFF file; Pillow handles 8-bit files itself."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or not image.mode.startswith("I;16"):
        return False
    return bool(image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO)
