"""Say in words what turns one picture into the other."""

import numpy as np

from datasets.lookalikes.alignment import Overlay, shares
from datasets.lookalikes.orientations import NAMES, point_map
from datasets.lookalikes.parts import FoundPart

_STRAIGHT = 3.0  # degrees
_EVERYTHING = 0.95


def overlay_text(overlay: Overlay) -> str:
    """The orientation, and the share of one image that the other shows, unless it is everything."""
    return ", ".join([overlay.orientation, *_shares_text(*shares(overlay))])


def part_text(found: FoundPart) -> str:
    """The orientation, rotation, inversion, and the share of one image that the other shows."""
    orientation, degrees = nearest_orientation(found.part.motion)
    words = [orientation]
    if abs(degrees) >= _STRAIGHT:
        words.append(f"rotated by {degrees:.0f}°")
    if found.inverted:
        words.append("inverted")
    return ", ".join([*words, *_shares_text(*found.part.shares)])


def nearest_orientation(motion: np.ndarray) -> tuple[str, float]:
    """The orientation after which a motion (3, 3) of pixels rotates least, and by how many degrees,
    counter-clockwise."""
    linear = motion[:2, :2] - np.outer(motion[:2, 2], motion[2, :2])
    rotations = {}
    for name in NAMES:
        (p, q), (r, s) = (linear @ point_map(name)[:, :2]).tolist()
        if p * s > q * r:  # not a mirror image
            rotations[name] = float(np.degrees(np.arctan2(q - r, p + s)))
    return min(rotations.items(), key=lambda one: abs(one[1]))


def _shares_text(of_a: float, of_b: float) -> list[str]:
    if of_a < of_b and of_a < _EVERYTHING:
        return [f"cropped to {100 * of_a:.0f} %"]
    if of_b < _EVERYTHING:
        return [f"widened from {100 * of_b:.0f} %"]
    return []
