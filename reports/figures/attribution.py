"""Attribution maps as small WebP pictures: red supports the class, blue opposes it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

SIDE = 112  # px of the longer edge on the page
_QUALITY = 70
_RED, _BLUE = (203, 24, 29), (33, 102, 172)
_FULL_AT = 0.99  # quantile of |attribution| drawn in full colour
_KEPT = 512  # pictures: a page is drawn several times, until it fits
_GAMMA = 0.7  # lifts weak attributions; sign and order stay


@lru_cache(maxsize=_KEPT)
def picture(encoded: bytes) -> str:
    """The preprocessed image, at most SIDE px, as a data URI."""
    with Image.open(io.BytesIO(encoded)) as image:
        small = image.convert("RGB")
        small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        return _data_uri(small)


def heat(values: Sequence[float] | npt.NDArray[np.float32], height: int, width: int) -> str:
    """The signed map (height * width values) as a data URI: colour is sign, opacity is strength.

    Averaged down to SIDE px, scaled by its own 99 % quantile of |value|. Transparent where
    nothing speaks, so that one picture serves as map and as overlay.
    """
    return _heat(np.asarray(values, dtype=np.float32).tobytes(), height, width)


@lru_cache(maxsize=_KEPT)
def _heat(values: bytes, height: int, width: int) -> str:
    """Of float32 values."""
    signed = _shrink(np.frombuffer(values, dtype=np.float32).reshape(height, width))
    signed = np.nan_to_num(signed, nan=0.0, posinf=0.0, neginf=0.0)
    strongest = float(np.quantile(np.abs(signed), _FULL_AT)) or 1.0
    strength = np.clip(np.abs(signed) / strongest, 0, 1) ** _GAMMA
    pixels = np.empty((*signed.shape, 4), dtype=np.uint8)  # (H, W, RGBA)
    pixels[..., :3] = np.where(signed[..., None] > 0, _RED, _BLUE)
    pixels[..., 3] = np.round(255 * strength)
    return _data_uri(Image.fromarray(pixels))


def _shrink(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean over blocks: signs may cancel within a block, as they do in the eye."""
    factor = -(-max(values.shape) // SIDE)
    if factor <= 1:
        return values
    height, width = (length // factor * factor for length in values.shape)
    blocks = values[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)


def embedded(webp: bytes) -> str:
    """WebP as a data URI."""
    return f"data:image/webp;base64,{base64.b64encode(webp).decode('ascii')}"


def _data_uri(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=_QUALITY, method=6, alpha_quality=60)
    return embedded(buffer.getvalue())
