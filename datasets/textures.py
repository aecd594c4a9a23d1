"""Grey textures with the spectrum of natural images, for the calibration of random weights.

The power of natural images falls with the square of the spatial frequency (Field 1987), so noise
whose amplitude falls with the frequency has edges and surfaces of every size.
"""

from __future__ import annotations

import numpy as np

TEXTURES_VERSION = 1
SIDE = 256  # px


def textures(count: int) -> list[np.ndarray]:
    """`count` different pictures, (SIDE, SIDE) uint8, the same in every process."""
    return [_texture(np.random.default_rng([TEXTURES_VERSION, number])) for number in range(count)]


def _texture(generator: np.random.Generator) -> np.ndarray:
    rows, columns = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None]
    frequency = np.maximum(np.hypot(rows, columns), 1 / SIDE)
    shape = (SIDE, SIDE // 2 + 1)
    noise = generator.normal(size=shape) + 1j * generator.normal(size=shape)
    picture = np.fft.irfft2(noise / frequency, s=(SIDE, SIDE))
    low, high = np.quantile(picture, [0.01, 0.99])
    scaled = np.clip((picture - low) / (high - low), 0, 1)
    return np.asarray(np.rint(255 * scaled), np.uint8)
