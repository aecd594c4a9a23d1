"""Preprocess an image: fit it into a square and adjust its contrast, steps 3 and 4 of the paper.

The paper squashes every image to a square, which changes the angles in it; padding and cropping
keep them. The paper's text stretches contrast (Eq. (2)); its notebook multiplies by 1.35, which
clips every value above 189 to white. Networks of timm were evaluated on images resized by Pillow
and cropped; `fit: model` does the same.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

FITS = {
    "pad": "resized to fit inside a square, the rest filled with the colour of the edges beside it",
    "crop": "central square, resized",
    "squash": "resized to a square without keeping the aspect ratio",
    "model": "resized and cropped as the weights were evaluated",
}
_RESAMPLING = {  # of Pillow, which timm resizes with; its filters widen as an image is reduced
    "bilinear": Pillow.Resampling.BILINEAR,
    "bicubic": Pillow.Resampling.BICUBIC,
    "lanczos": Pillow.Resampling.LANCZOS,
}
INTERPOLATIONS = ("area", *_RESAMPLING)
CROP_MODES = ("center", "squash", "border")
CONTRASTS = ("stretch", "weighted", "none")
PREPROCESS_VERSION = 1
_MOST_SIDES = 16  # of a longer image no more is resized before a crop; the memory is for its middle
CLAHE_TILES = 8  # an edge, as in Zuiderveld (1994) and OpenCV

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Preprocessing:
    """The steps, in this order: grey, resize to fit, contrast, CLAHE, pad.

    image_size: side of the resulting square, pixels.
    contrast: one of `CONTRASTS`: `stretch` is Eq. (2), `weighted` the published notebook's.
    fit: one of `FITS`. `pad` keeps the whole image and fills the rest of the square with the median
        colour of the two edges beside it, so that the fill of a radiograph is as dark as its
        background; `crop` keeps the central square; `squash` distorts, as the paper does; `model`
        does what `crop_mode` and `crop_pct` say.
    grey: replace colours by their luminance (ITU-R 601).
    clahe: clip limit of contrast-limited adaptive histogram equalisation, applied to the luminance
        in 8 x 8 tiles; None: not applied.
    interpolation: one of `INTERPOLATIONS`: `area` averages areas (OpenCV), the others are Pillow's.
    crop_mode, crop_pct: timm's, of the weights' evaluation. The shorter side (`center`), the longer
        side (`border`) or both (`squash`) are resized to `image_size / crop_pct` pixels, and the
        central square of `image_size` is kept.
    fill: RGB of what the image does not cover; None: the colour of the edges beside it.

    The defaults are the paper's.
    """

    image_size: int
    contrast: str = "stretch"
    fit: str = "squash"
    grey: bool = False
    clahe: float | None = None
    interpolation: str = "area"
    crop_mode: str = "center"
    crop_pct: float = 1.0
    fill: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("contrast", self.contrast, CONTRASTS),
            ("fit", self.fit, tuple(FITS)),
            ("interpolation", self.interpolation, INTERPOLATIONS),
            ("crop_mode", self.crop_mode, CROP_MODES),
        ):
            if value not in allowed:
                expected = ", ".join(allowed)
                raise ValueError(f"preprocess.{name}={value!r}: expected one of {expected}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """From the values of `asdict`, also as read from JSON; others are ignored."""
        known = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        if known.get("fill") is not None:
            known["fill"] = tuple(known["fill"])
        return cls(**known)

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
    return _padded(adjusted, how.image_size, how.fill)


def resampling(how: Preprocessing) -> str:
    """What resizes the images, in words."""
    if how.interpolation == "area":
        return "OpenCV INTER_AREA"
    name = f"Pillow {_RESAMPLING[how.interpolation].name}"
    crop = f", size / {how.crop_pct:g}, timm's crop mode {how.crop_mode}"
    return name + crop if how.fit == "model" else name


def contents(square: Image, width: int, height: int, how: Preprocessing) -> tuple[Image, float]:
    """What a preprocessed image shows of the original, without padding, and its aspect ratio.

    Args:
        square: (N, N, 3), preprocessed.
        width, height: of the original, pixels.
        how: the preprocessing.
    """
    height, width = _shown(height, width, how)
    rows, columns = _size(height, width, how)
    kept_rows, kept_columns = min(rows, how.image_size), min(columns, how.image_size)
    y, x = (how.image_size - kept_rows) // 2, (how.image_size - kept_columns) // 2
    aspect = (width * (kept_columns / columns)) / (height * (kept_rows / rows))
    return square[y : y + kept_rows, x : x + kept_columns], aspect


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
    """What is shown of an image at its final size, without padding."""
    height, width = _shown(image.shape[0], image.shape[1], how)
    image = _middle(image, height, width)
    rows, columns = _size(height, width, how)
    if how.interpolation == "area":
        resized = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    else:
        resized = _resampled(image, rows, columns, _RESAMPLING[how.interpolation])
    top, left = (max(0, round((one - how.image_size) / 2)) for one in (rows, columns))  # as timm
    return np.asarray(resized[top : top + how.image_size, left : left + how.image_size], np.uint8)


def _resampled(image: Image, rows: int, columns: int, kind: Pillow.Resampling) -> Image:
    """Along rows first and then along columns, rounded in between: which of them Pillow does first
    depends on its version and on the sizes, and changes pixels by 1 or 2."""
    across = Pillow.fromarray(image).resize((columns, image.shape[0]), kind)
    return np.asarray(across.resize((columns, rows), kind))


def _shown(height: int, width: int, how: Preprocessing) -> tuple[int, int]:
    """Height and width of the middle of an image that is resized."""
    most = {"crop": 1, "model": _MOST_SIDES}.get(how.fit)
    short = min(height, width)
    return (min(height, most * short), min(width, most * short)) if most else (height, width)


def _middle(image: Image, height: int, width: int) -> Image:
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return np.ascontiguousarray(image[top : top + height, left : left + width])


def _size(height: int, width: int, how: Preprocessing) -> tuple[int, int]:
    """Rows and columns of the resized image, of which the central square is kept; of `model` as in
    timm's `transforms_imagenet_eval`."""
    side = how.image_size
    if how.fit == "pad":
        return _fitted(height, width, side)
    if how.fit != "model":
        return side, side
    side = math.floor(side / how.crop_pct)
    if how.crop_mode == "squash":
        return side, side
    if how.crop_mode == "border":
        return _fitted(height, width, side)
    short = min(height, width)
    return int(side * height / short), int(side * width / short)


def _fitted(height: int, width: int, side: int) -> tuple[int, int]:
    """Height and width of an image scaled to fit inside a square."""
    scale = side / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


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


def _padded(image: Image, side: int, fill: tuple[int, int, int] | None) -> Image:
    """Centre an image in a square, filled with `fill`, or with the median colour of the edges
    beside it."""
    height, width, _ = image.shape
    if (height, width) == (side, side):
        return image
    edges = (image[:, 0], image[:, -1]) if width < side else (image[0], image[-1])
    square = np.empty((side, side, 3), np.uint8)
    square[:] = fill or np.rint(np.median(np.concatenate(edges), axis=0))
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = image
    return square


def _mapped(image: Image, value_of: NDArray[np.floating[Any]]) -> Image:
    """Replace every pixel value i by `value_of[i]`, clipped to 0..255 and rounded."""
    table = np.clip(np.rint(value_of), 0, 255).astype(np.uint8)  # (256,)
    mapped: Image = table[image]
    return mapped
