"""Alignment recovers what was done to a copy, and rejects unrelated images."""

import cv2
import numpy as np
import pytest

from datasets.drawn.synthetic import draw_radiograph
from datasets.lookalikes.alignment import Overlay, compare, shares
from datasets.lookalikes.orientations import NAMES, orient, point_map
from datasets.lookalikes.thumbnails import Image, thumbnail

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
START = [Overlay("identity", IDENTITY)]
PICTURE = draw_radiograph("Oblique fracture", 8)[:200, :200]


def seen_through(motion: np.ndarray) -> Image:
    """The thumbnail of PICTURE seen through `motion`, which maps result points to PICTURE."""
    pixels = motion.copy()
    pixels[:, 2] = motion[:, 2] * len(PICTURE) + motion[:, :2].sum(axis=1) / 2 - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return thumbnail(
        np.asarray(
            cv2.warpAffine(PICTURE, pixels, PICTURE.shape, flags=flags, borderMode=cv2.BORDER_WRAP),
            np.uint8,
        )
    )


def test_an_image_aligns_with_itself() -> None:
    overlay = compare(thumbnail(PICTURE), thumbnail(PICTURE), START)
    assert overlay is not None
    assert overlay.score > 0.99
    assert overlay.is_plain
    assert overlay.evenness > 0.99
    assert np.allclose(overlay.motion, IDENTITY, atol=0.01)
    assert shares(overlay) == pytest.approx((1, 1), abs=0.04)


def test_a_shift_is_measured() -> None:
    part = np.array([[0.8, 0.0, 0.15], [0.0, 0.8, 0.05]])  # 64 % of the image
    overlay = compare(seen_through(part), thumbnail(PICTURE), [Overlay("identity", part + 0.02)])
    assert overlay is not None
    assert np.allclose(overlay.motion, part, atol=0.02)
    of_part, of_whole = shares(overlay)
    assert of_part > 0.95
    assert of_whole == pytest.approx(0.64, abs=0.05)


def test_reversing_undoes_an_overlay_and_reversing_twice_restores_it() -> None:
    motion = np.array([[0.9, 0.1, 0.02], [-0.1, 0.9, 0.07]])
    for name in NAMES:
        overlay = Overlay(name, motion, 0.8)
        back = overlay.reversed().reversed()
        assert back.orientation == name
        assert np.allclose(back.motion, motion)
        point = np.array([0.3, 0.6, 1.0])  # of a after its orientation
        in_b = [*(motion @ point), 1.0]
        in_a = [*(point_map(name) @ point), 1.0]
        turned = overlay.reversed()
        laid = np.linalg.inv(np.vstack([point_map(turned.orientation), [0, 0, 1]])) @ in_b
        assert np.allclose(turned.motion @ laid, in_a[:2])


def test_a_reoriented_copy_aligns_only_in_its_orientation() -> None:
    turned = thumbnail(np.ascontiguousarray(orient(PICTURE, "rotate_90")))
    fits = compare(thumbnail(PICTURE), turned, [Overlay("rotate_90", IDENTITY)])
    assert fits is not None
    assert fits.score > 0.95
    straight = compare(thumbnail(PICTURE), turned, START)
    assert straight is None or straight.score < 0.68


def test_different_images_do_not_align() -> None:
    other = thumbnail(draw_radiograph("Greenstick fracture", 77)[:200, :200])
    overlay = compare(thumbnail(PICTURE), other, START)
    assert overlay is None or overlay.score < 0.68


def test_flat_images_do_not_align() -> None:
    flat = np.full((128, 128), 40, np.uint8)
    assert compare(flat, thumbnail(PICTURE), START) is None
