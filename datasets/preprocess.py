"""Preprocess an image: fit it into a square and adjust its contrast, steps 3 and 4 of the paper.

The paper squashes every image to a square, which changes the angles in it; padding and cropping
keep them. The paper's text stretches contrast (Eq. (2)); its notebook multiplies by 1.35, which
clips every value above 189 to white.
"""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

FITS = {
    "pad": "resized to fit inside a square, the rest filled with the colour of the edges beside it",
    "crop": "central square, resized",
    "squash": "resized to a square without keeping the aspect ratio",
}
CONTRASTS = ("stretch", "weighted", "none")
PREPROCESS_VERSION = 1
CLAHE_TILES = 8  # an edge, as in Zuiderveld (1994) and OpenCV

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Preprocessing:
    """The steps, in this order: grey, resize to fit, contrast, CLAHE, pad.

    image_size: side of the resulting square, pixels.
    contrast: one of `CONTRASTS`: `stretch` is Eq. (2), `weighted` the published notebook's.
    fit: one of `FITS`. `pad` keeps the whole image and fills the rest of the square with the median
        colour of the two edges beside it, so that the fill of a radiograph is as dark as its
        background; `crop` keeps the central square; `squash` distorts, as the paper does.
    grey: replace colours by their luminance (ITU-R 601).
    clahe: clip limit of contrast-limited adaptive histogram equalisation, applied to the luminance
        in 8 x 8 tiles; None: not applied.

    The defaults are the paper's.
    """

    image_size: int
    contrast: str = "stretch"
    fit: str = "squash"
    grey: bool = False
    clahe: float | None = None

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("contrast", self.contrast, CONTRASTS),
            ("fit", self.fit, tuple(FITS)),
        ):
            if value not in allowed:
                expected = ", ".join(allowed)
                raise ValueError(f"preprocess.{name}={value!r}: expected one of {expected}")

    @property
    def made_from(self) -> dict[str, Any]:
        """What a result depends on besides the image, for keys of the store; further steps only
        where they are used, so that older keys stay valid."""
        neutral = asdict(Preprocessing(self.image_size))
        values = asdict(self)
        always = ("image_size", "contrast")
        return {k: v for k, v in values.items() if k in always or v != neutral[k]}


def preprocess(image: Image, how: Preprocessing) -> Image:
    """Preprocess an image, (H, W, 3) uint8 -> (N, N, 3) uint8.

    Raises ValueError for another shape or dtype.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image {image.dtype} {image.shape}: expected uint8 (H, W, 3)")
    if how.grey:
        image = _grey(image)
    adjusted = _adjusted(_resized(image, how), how.contrast)
    if how.clahe is not None:
        adjusted = _clahe(adjusted, how.clahe)
    return _padded(adjusted, how.image_size)


def contents(square: Image, width: int, height: int, how: Preprocessing) -> tuple[Image, float]:
    """What a preprocessed image shows of the original, without padding, and its aspect ratio.

    Args:
        square: (N, N, 3), preprocessed.
        width, height: of the original, pixels.
        how: the preprocessing.
    """
    if how.fit == "crop":
        return square, 1.0
    if how.fit == "pad":
        rows, columns = _fitted(height, width, how.image_size)
        top, left = (how.image_size - rows) // 2, (how.image_size - columns) // 2
        square = square[top : top + rows, left : left + columns]
    return square, width / height


def stretch(image: Image) -> Image:
    """Eq. (2): (I - I_min) / (I_max - I_min) * 255 over all pixels and channels, rounded.

    `image` is uint8 of any shape; a constant image is returned unchanged.
    """
    low, high = int(image.min()), int(image.max())
    if low == high:
        return image
    return _mapped(image, (np.arange(256) - low) / (high - low) * 255)


def _grey(image: Image) -> Image:
    """The luminance in all three channels."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _resized(image: Image, how: Preprocessing) -> Image:
    """Resize by averaging areas: to (N, N) by `squash` and `crop`, to fit inside it by `pad`."""
    width = height = how.image_size
    if how.fit == "crop":
        image = _central_square(image)
    elif how.fit == "pad":
        height, width = _fitted(image.shape[0], image.shape[1], how.image_size)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _fitted(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width of an image scaled to fit inside a square."""
    scale = side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _central_square(image: Image) -> Image:
    height, width, _ = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])


def _adjusted(image: Image, contrast: str) -> Image:
    if contrast == "stretch":
        return stretch(image)
    if contrast == "weighted":
        return _mapped(image, np.arange(256) * 1.35 - 0.15)
    return image


def _clahe(image: Image, clip_limit: float) -> Image:
    """CLAHE of the luminance (Zuiderveld 1994); of a grey image, all channels get the same."""
    equalise = cv2.createCLAHE(clipLimit=clip_limit, tileGridSize=(CLAHE_TILES, CLAHE_TILES))
    if (image == image[..., :1]).all():
        grey = np.asarray(equalise.apply(np.ascontiguousarray(image[..., 0])), np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    luminance, *colours = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb))
    merged = cv2.merge([equalise.apply(luminance), *colours])
    return np.asarray(cv2.cvtColor(merged, cv2.COLOR_YCrCb2RGB), np.uint8)


def _padded(image: Image, side: int) -> Image:
    """Centre an image in a square, filled with the median colour of the edges beside the fill."""
    height, width, _ = image.shape
    if (height, width) == (side, side):
        return image
    edges = (image[:, 0], image[:, -1]) if width < side else (image[0], image[-1])
    fill = np.median(np.concatenate(edges), axis=0)
    square = np.empty((side, side, 3), np.uint8)
    square[:] = np.rint(fill)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = image
    return square


def _mapped(image: Image, value_of: NDArray[np.floating[Any]]) -> Image:
    """Replace every pixel value i by `value_of[i]`, clipped to 0..255 and rounded."""
    table = np.clip(np.rint(value_of), 0, 255).astype(np.uint8)  # (256,)
    mapped: Image = table[image]
    return mapped
