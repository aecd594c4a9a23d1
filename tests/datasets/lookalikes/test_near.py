"""Near-copies are found for every alteration; unrelated images are not."""

import cv2
import numpy as np
import pandas as pd
import pytest

from datasets.lookalikes.candidates import compute_descriptors, find_candidates
from datasets.lookalikes.near import (
    THRESHOLD,
    Comparison,
    compare_pairs,
    find_copies,
    find_near,
    guess_overlays,
)
from datasets.lookalikes.planted import ALTERATIONS, plant
from datasets.lookalikes.thumbnails import Image, Thumbnails
from tests.datasets.lookalikes.small import drawn, thumbnails_of

ORIGINALS = 40
PLANTED = 10
FLOORS = {
    "crop": 0.8,
    "tilt": 0.8,
    "mixed": 0.8,
}  # share found of all planted copies; for other alterations, all are found


def originals() -> list[Image]:
    """Four radiographs of each fracture type."""
    return [drawn(number) for number in range(ORIGINALS)]


def compared(images: list[Image]) -> list[Comparison]:
    """The comparisons of whole pictures."""
    thumbnails = thumbnails_of(images)
    candidates = find_candidates(compute_descriptors(thumbnails, 2))
    return compare_pairs(thumbnails, guess_overlays(candidates, thumbnails), 2)


def find(images: list[Image]) -> pd.DataFrame:
    """Pairs among images whose ids are their numbers."""
    ids = [f"{number:03d}" for number in range(len(images))]
    return find_near(pd.DataFrame({"image_id": ids, "pixel_hash": ids}), thumbnails_of(images), 2)


def pairs_of(table: pd.DataFrame) -> set[tuple[int, int]]:
    return set(zip(table["image_id_a"].astype(int), table["image_id_b"].astype(int), strict=True))


def test_unrelated_radiographs_are_far_from_being_pairs() -> None:
    assert find(originals()).empty
    scores = [
        one.overlay.score for one in compared(originals()) if one.overlay and one.overlay.is_plain
    ]
    assert max(scores, default=0.0) < THRESHOLD - 0.02


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_planted_copies_are_found_and_nothing_else(alteration: str) -> None:
    generator = np.random.default_rng(0)
    strengths = np.linspace(0.1, 0.7, PLANTED)
    copies = [plant(originals()[n], alteration, s, generator) for n, s in enumerate(strengths)]
    found = pairs_of(find([*originals(), *copies]))
    planted = {(n, ORIGINALS + n) for n in range(PLANTED)}
    assert found <= planted
    assert len(found) >= FLOORS.get(alteration, 1.0) * PLANTED


@pytest.mark.parametrize(
    "alteration", ["flip_horizontal", "flip_vertical", "rotate_90", "rotate_180", "rotate_270"]
)
def test_the_table_states_the_transform_from_first_to_second(alteration: str) -> None:
    image = originals()[0]
    copy = plant(image, alteration, 0.5, np.random.default_rng(0))
    assert list(find([image, copy])["transform"]) == [alteration]
    back = {"rotate_90": "rotate_270", "rotate_270": "rotate_90"}.get(alteration, alteration)
    assert list(find([copy, image])["transform"]) == [back]


def test_a_crop_is_reported_with_the_remaining_share() -> None:
    image = originals()[1]
    height, width = image.shape
    part = image[: round(0.9 * height), round(0.2 * width) :]
    assert list(find([image, part])["transform"].str.extract(r"(\D+)")[0]) == [
        "identity, cropped to "
    ]
    share = float(find([image, part])["transform"].str.extract(r"(\d+)")[0].iloc[0])
    assert share == pytest.approx(72, abs=4)
    assert find([part, image])["transform"].iloc[0].startswith("identity, widened from 7")


def test_brightness_costs_little_and_scores_are_shares() -> None:
    image = originals()[2]
    brighter = np.asarray(cv2.convertScaleAbs(image, alpha=0.8, beta=20), np.uint8)
    score = find([image, brighter])["score"].iloc[0]
    assert 0.95 < score <= 1


def test_order_and_other_images_do_not_matter() -> None:
    copies = [plant(originals()[n], "mixed", 0.3, np.random.default_rng(n)) for n in range(4)]
    images = [*originals()[:12], *copies]
    forwards = pairs_of(find(images))
    last = len(images) - 1
    backwards = {tuple(sorted((last - a, last - b))) for a, b in pairs_of(find(images[::-1]))}
    assert forwards == backwards
    assert forwards == {(n, 12 + n) for n in range(4)}


def test_equal_pixels_are_compared_once() -> None:
    image, copy = originals()[0], plant(originals()[0], "re_encode", 0.5, np.random.default_rng(0))
    images = pd.DataFrame({"image_id": ["a", "b", "c"], "pixel_hash": ["x", "x", "y"]})
    found = find_near(images, thumbnails_of([image, image, copy]))
    assert list(zip(found["image_id_a"], found["image_id_b"], strict=True)) == [("a", "c")]


@pytest.mark.parametrize("count", [1, 3])
def test_flat_images_are_not_pairs(count: int) -> None:
    assert find([np.full((50, 40), 20 * n, np.uint8) for n in range(count)]).empty


def test_no_images_give_no_pairs() -> None:
    assert find_copies(Thumbnails(np.zeros((0, 128, 128), np.uint8), np.zeros(0))) == []


def plot(number: int) -> Image:
    """An individual curve on axes shared by all plots."""
    generator = np.random.default_rng(number)
    page = np.full((240, 320), 255, np.uint8)
    cv2.rectangle(page, (40, 20), (300, 210), 0, 2)
    for tick in range(6):
        cv2.putText(page, str(2 * tick), (36 + 51 * tick, 228), 0, 0.4, 0, 1)
        cv2.putText(page, f"{5 - tick}.0", (10, 26 + 37 * tick), 0, 0.4, 0, 1)
    phase, rate, height = generator.uniform((0, 0.02, 30), (6.3, 0.08, 80))
    x = np.arange(44, 298)
    y = 115 - height * np.sin(x * rate + phase)
    cv2.polylines(page, [np.stack([x, y], axis=1).round().astype(np.int32)], False, 80, 2)
    return page


def test_images_of_one_template_are_not_copies_but_their_copies_are() -> None:
    plots = [plot(number) for number in range(12)]
    overlays = [one.overlay for one in compared(plots)]
    templates = [overlay for overlay in overlays if overlay and overlay.is_template]
    assert max(overlay.score for overlay in templates) > THRESHOLD  # by their score, copies
    generator = np.random.default_rng(0)
    copies = [
        plant(plots[n], alteration, 0.5, generator)
        for n, alteration in enumerate(("tone", "re_encode"))
    ]
    assert pairs_of(find([*plots, *copies])) == {(0, 12), (1, 13)}
