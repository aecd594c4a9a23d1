"""Tell pictures that share a frame from copies: two chats on one phone, two slides of one master.

Where neither was moved against the other, a frame is equal to the pixel, and what it holds is not.
So equal pixels are cut away, and what is left in one piece is compared by itself.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.lookalikes.agreement import measure_agreement
from datasets.lookalikes.thumbnails import Image

_SIDE = 192  # px of the longer edge
_EQUAL = 5  # grey levels, after a slight blur
_LEAST_EQUAL = 0.2  # of the picture
_CLOSED = 0.05  # of the longer edge: gaps that are closed in a piece
_LEAST_PIECE, _LEAST_FILL = 0.1, 0.5  # of the picture; of the piece's box
_LEAST_DETAIL = 5.0  # grey levels
_STRANGE, _STRANGE_BLOCKS = 0.6, 0.5  # score; median correlation of blocks

Motion = NDArray[np.float64]


def is_unmoved(motion: Motion, a: Image, b: Image) -> bool:
    """Whether a motion (3, 3) of pixels moves no corner by more than 2 % of the picture."""
    height, width = a.shape
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    moved = corners @ motion.T
    there = corners[:, :2] * (b.shape[1] / width, b.shape[0] / height)
    return bool(np.abs(moved[:, :2] / moved[:, 2:] - there).max() < 0.02 * max(b.shape))


def only_frame_is_shared(a: Image, b: Image) -> bool:
    """Whether two grey pictures, laid over one another, agree in a frame but not in its content."""
    x, y = _same_size(a, b)
    smooth = [cv2.GaussianBlur(one, (0, 0), 1.0).astype(np.int16) for one in (x, y)]
    differs = (np.abs(smooth[0] - smooth[1]) > _EQUAL).astype(np.uint8)
    if 1 - differs.mean() < _LEAST_EQUAL:
        return False
    gap = max(3, round(_CLOSED * max(x.shape)))
    closed = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((gap, gap), np.uint8))
    _, _, pieces, _ = cv2.connectedComponentsWithStats(opened)
    return any(_is_strange(x, y, *piece) for piece in pieces[1:].tolist())


def _same_size(a: Image, b: Image) -> tuple[Image, Image]:
    scale = min(1.0, _SIDE / max(a.shape))
    size = max(1, round(a.shape[1] * scale)), max(1, round(a.shape[0] * scale))
    x, y = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (a, b))
    return np.asarray(x, np.uint8), np.asarray(y, np.uint8)


def _is_strange(
    x: Image, y: Image, left: int, top: int, width: int, height: int, area: int
) -> bool:
    """Whether a piece is large, solid, has content in both pictures, and that does not agree."""
    box = width * height
    if box < _LEAST_PIECE * x.size or area < _LEAST_FILL * box or min(width, height) < 16:
        return False
    down, across = height // 8, width // 8  # its edge is of the frame
    part = np.s_[top + down : top + height - down, left + across : left + width - across]
    p, q = x[part], y[part]
    if min(p.std(), q.std()) < _LEAST_DETAIL:
        return False
    agreement = measure_agreement(p, q, np.ones(p.shape, bool))
    return agreement.score < _STRANGE and agreement.same < _STRANGE_BLOCKS
