"""Create near-copies as people and tools do: the benchmark of the duplicate finder.

Each alteration has a strength from 0 (hardly visible) to 1 (as strong as is usual for copies), so
that recall can be measured by strength; `mixed` combines several.
"""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from datasets.errors import DataError

Image = npt.NDArray[np.uint8]  # (H, W) or (H, W, 3)
Random = np.random.Generator


def plant(image: Image, alteration: str, strength: float, rng: Random) -> Image:
    """Create a near-copy of an image.

    Args:
        image: (H, W) or (H, W, 3) uint8.
        alteration: one of `ALTERATIONS`.
        strength: 0..1; ignored by flips and quarter turns.
        rng: draws the remaining parameters, such as the position of a crop.

    Returns:
        Pixels like `image`, of another size if the alteration changes it.

    Raises:
        DataError: an unknown alteration, or a strength outside 0..1.
    """
    if alteration not in ALTERATIONS:
        raise DataError(f"alteration={alteration!r}: expected one of {', '.join(ALTERATIONS)}")
    if not 0 <= strength <= 1:
        raise DataError(f"strength={strength}: expected a number from 0 to 1")
    return np.ascontiguousarray(ALTERATIONS[alteration](image, strength, rng), dtype=np.uint8)


def _between(weak: float, strong: float, strength: float) -> float:
    return weak + (strong - weak) * strength


def _re_encode(image: Image, strength: float, rng: Random) -> Image:
    """JPEG of quality 85 to 15."""
    quality = round(_between(85, 15, strength))
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), np.uint8)


def _resize(image: Image, strength: float, rng: Random) -> Image:
    """Resize to 90 to 35 % of each side, with up to 10 % of stretch."""
    scale = _between(0.9, 0.35, strength)
    stretch = 1 + 0.1 * strength * rng.uniform(-1, 1)
    height, width = image.shape[:2]
    size = max(8, round(width * scale * stretch)), max(8, round(height * scale / stretch))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _crop(image: Image, strength: float, rng: Random) -> Image:
    """Keep 97 to 70 % of each side, at a random position."""
    height, width = image.shape[:2]
    kept = np.clip(_between(0.97, 0.7, strength) + 0.03 * rng.uniform(-1, 1, 2), 0, 1)
    down, across = round(height * kept[0]), round(width * kept[1])
    top, left = rng.integers(height - down + 1), rng.integers(width - across + 1)
    return image[top : top + down, left : left + across]


def _tone(image: Image, strength: float, rng: Random) -> Image:
    """Change the gain by a factor of up to 1.8, and shift by up to 50 grey values."""
    gain = _between(1.1, 1.8, strength) ** rng.choice([-1, 1])
    shift = _between(5, 50, strength) * rng.uniform(-1, 1)
    values = (image.astype(np.float32) - 128) * gain + 128 + shift
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _gamma(image: Image, strength: float, rng: Random) -> Image:
    """A gamma of up to 2, or its inverse."""
    exponent = _between(1.1, 2.0, strength) ** rng.choice([-1, 1])
    return np.asarray(np.rint(255 * (image / 255.0) ** exponent), np.uint8)


def _tilt(image: Image, strength: float, rng: Random) -> Image:
    """Rotate by 1 to 12 degrees in either direction; corners become black."""
    height, width = image.shape[:2]
    degrees = _between(1, 12, strength) * rng.choice([-1, 1])
    motion = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(image, motion, (width, height)), np.uint8)


def _mixed(image: Image, strength: float, rng: Random) -> Image:
    """Tilt, crop and tone at half the strength, any flip or quarter turn, then JPEG."""
    for step in (_tilt, _crop, _tone):
        image = step(image, strength / 2, rng)
    image = np.rot90(image, int(rng.integers(4)))
    image = np.ascontiguousarray(image[:, ::-1] if rng.random() < 0.5 else image)
    return _re_encode(image, strength / 2, rng)


ALTERATIONS: dict[str, Callable[[Image, float, Random], Image]] = {
    "re_encode": _re_encode,
    "resize": _resize,
    "crop": _crop,
    "tone": _tone,
    "gamma": _gamma,
    "flip_horizontal": lambda image, strength, rng: image[:, ::-1],
    "flip_vertical": lambda image, strength, rng: image[::-1],
    "rotate_90": lambda image, strength, rng: np.rot90(image, 1),
    "rotate_180": lambda image, strength, rng: np.rot90(image, 2),
    "rotate_270": lambda image, strength, rng: np.rot90(image, 3),
    "tilt": _tilt,
    "mixed": _mixed,
}
