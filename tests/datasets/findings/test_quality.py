"""Poor images are found among usual ones, and usual ones are not poor."""

import cv2
import numpy as np
import pandas as pd
import pytest

from datasets.findings.quality import PoorImages, measure_quality, poor_images
from datasets.lookalikes.thumbnails import Image
from tests.datasets.lookalikes.small import drawn, thumbnails_of

USUAL = [drawn(number) for number in range(24)]


def poor(images: list[Image]) -> list[PoorImages]:
    thumbnails = thumbnails_of(images)
    table = pd.DataFrame(
        {
            "path": [f"{number}.png" for number in range(len(images))],
            "width": [image.shape[1] for image in images],
            "height": [image.shape[0] for image in images],
            "contrast": [float(image.std()) for image in images],
        }
    )
    return poor_images(table, measure_quality(thumbnails))


def blurred(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 14), np.uint8)


def test_usual_images_are_not_poor() -> None:
    assert poor(USUAL) == []
    assert poor(USUAL[:1]) == []


@pytest.mark.parametrize(
    ("kind", "image"),
    [
        ("blurred", blurred(USUAL[0])),
        ("nearly black", USUAL[1] // 10),
        ("nearly white", 225 + USUAL[2] // 10),
        ("almost without information", np.where(USUAL[3] > 200, 255, 0).astype(np.uint8)),
        ("of unusual size or shape", USUAL[4][:40]),
        ("of unusual size or shape", cv2.resize(USUAL[5], None, fx=5, fy=5)),
    ],
)
def test_a_poor_image_is_found_by_what_is_wrong_with_it(kind: str, image: Image) -> None:
    assert PoorImages(kind, ("24.png",)) in poor([*USUAL, image])


def test_flat_images_are_left_to_their_own_finding() -> None:
    assert poor([*USUAL, np.full((200, 200), 7, np.uint8)]) == []


def test_the_worst_is_named_first() -> None:
    dark = poor([*USUAL, USUAL[0] // 10, USUAL[1] // 40])
    black = next(one for one in dark if one.kind == "nearly black")
    assert black.paths == ("25.png", "24.png")
