"""Local features of small pictures, by which a part is found in a whole.

Features are SIFT (Lowe, IJCV 60, 2004) with square-rooted descriptors (Arandjelovic and Zisserman,
CVPR 2012). They do not change with scale and rotation. A mirrored or inverted picture has the same
features in another order: its descriptors are permutations, so that it need not be described again.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_MOST, _FEWEST = 200, 20  # features of a picture, the strongest
_IN_ALL = 2_000_000  # features of all pictures: 0.5 GB
DIMENSIONS = 128
_LEAST_CONTRAST = 0.006  # soft tissue and dim bones have little

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Features:
    """`points` (M, 4): x, y and size in pixels, and the angle in degrees, clockwise from x.
    `descriptors` (M, DIMENSIONS), each of length 1. The strongest first."""

    points: NDArray[np.float32]
    descriptors: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.points)

    def seen(self, mirrored: bool, inverted: bool) -> "Features":
        """The features of the mirrored (x -> -x) or inverted picture."""
        points, order = self.points.copy(), np.arange(DIMENSIONS)
        if inverted:
            points[:, 3] += 180
            order = order[_INVERTED]
        if mirrored:
            points[:, 0] *= -1
            points[:, 3] = 180 - points[:, 3]
            order = order[_MIRRORED]
        return Features(points, self.descriptors[:, order])


# A descriptor has 4 x 4 cells of 8 directions, in axes turned to the feature's own angle. Inverting
# turns that angle and every gradient by 180 degrees; mirroring reverses one axis and the turns.
_CELLS = np.arange(DIMENSIONS).reshape(4, 4, 8)
_INVERTED = _CELLS[::-1, ::-1].ravel()
_MIRRORED = _CELLS[::-1][:, :, -np.arange(8) % 8].ravel()


def features_each(pictures: int) -> int:
    """The number of features of each of so many pictures: fewer in very large collections."""
    return int(np.clip(_IN_ALL // max(1, pictures), _FEWEST, _MOST))


def compute_features(picture: Image, most: int = _MOST) -> Features:
    """The strongest features of a grey picture (H, W); none of a flat one."""
    sift = cv2.SIFT.create(nfeatures=most, contrastThreshold=_LEAST_CONTRAST)
    found, described = sift.detectAndCompute(picture, None)
    if len(found) == 0:
        return Features(np.zeros((0, 4), np.float32), np.zeros((0, DIMENSIONS), np.float16))
    points = np.array([(*one.pt, one.size, one.angle) for one in found], np.float32)
    order = np.argsort([-one.response for one in found], kind="stable")[:most]
    total = np.maximum(described.sum(axis=1, keepdims=True), 1e-6)
    return Features(points[order], np.sqrt(described / total)[order].astype(np.float16))
