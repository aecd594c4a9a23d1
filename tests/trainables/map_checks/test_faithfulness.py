"""Deletion, insertion, infidelity and sensitivity in cases that are known by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainables.explain import METHODS, Attribution, Options, Score
from trainables.map_checks.faithfulness import TILES, reference_map, subject_of, tile_means
from trainables.map_checks.sensitivity import RADIUS, max_sensitivity

SIDE = 2 * TILES
IMAGE = np.full((SIDE, SIDE, 3), 255, np.uint8)
BLACK = torch.zeros(1, 3, SIDE, SIDE)
HALF = np.zeros((SIDE, SIDE), np.float32)
HALF[:, : SIDE // 2] = 1.0


class LeftHalf(nn.Module):
    """Probability of class 0: the brightness of the left half."""

    def forward(self, pixels: Tensor) -> Tensor:
        bright = pixels[..., : SIDE // 2].mean((1, 2, 3)) / 255
        return torch.stack([bright, 1 - bright], 1).clamp_min(1e-9).log()


def subject(image: np.ndarray = IMAGE):  # type: ignore[no-untyped-def]
    model = LeftHalf()
    return subject_of(Score(model, "probability"), Score(model, "probability"), image, BLACK, 0, 0)


def test_the_areas_of_a_right_a_wrong_and_a_random_map() -> None:
    """The right map removes the left half in the first half of the steps: the probability falls
    linearly to 0 at 1/2, with area 1/4; the wrong one keeps it until then."""
    assert subject().deletion_and_insertion(HALF) == pytest.approx((0.25, 0.75), abs=0.01)
    assert subject().deletion_and_insertion(-HALF) == pytest.approx((0.75, 0.25), abs=0.01)
    found = [
        subject().deletion_and_insertion(reference_map("random", IMAGE, seed)) for seed in range(20)
    ]
    assert np.mean(found, axis=0) == pytest.approx([0.5, 0.5], abs=0.03)


def test_infidelity_is_0_for_a_map_that_sums_to_every_change_and_1_for_zeros() -> None:
    assert subject().infidelity(HALF) == pytest.approx(0, abs=1e-5)
    assert subject().infidelity(1e-7 * HALF) == pytest.approx(0, abs=1e-5), "up to a factor"
    assert subject().infidelity(np.zeros_like(HALF)) == pytest.approx(1)
    wrong = subject().infidelity(1 - HALF)
    assert 0.3 < wrong <= 1


def test_infidelity_equals_an_independent_computation() -> None:
    """One minus the squared cosine between sums of the map and changes of the score, over the same
    windows: least squares at the best factor."""
    values = np.random.default_rng(1).normal(size=(SIDE, SIDE)).astype(np.float32) + HALF
    generator, size = torch.Generator().manual_seed(0), round(SIDE / 4)
    sums, changes = [], []
    for _ in range(10):
        top, left = torch.randint(SIDE - size + 1, (2,), generator=generator).tolist()
        sums.append(values[top : top + size, left : left + size].sum())
        covered = max(0, min(SIDE // 2, left + size) - left)
        changes.append(size * covered / (SIDE * SIDE / 2))
    a, b = np.array(sums), np.array(changes)
    expected = 1 - (a @ b) ** 2 / ((a @ a) * (b @ b))
    assert subject().infidelity(values) == pytest.approx(expected, abs=1e-4)


def test_edges_are_strong_where_the_image_changes() -> None:
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[:, SIDE // 2 :] = 200
    edges = tile_means(reference_map("edges", image, 0))
    assert set(np.flatnonzero(edges.sum(0))) == {TILES // 2 - 1, TILES // 2}


class Brightness(type(METHODS["occlusion"])):  # type: ignore[misc]
    """A map that is the image itself."""

    def attribute(
        self, model: Score, image: np.ndarray, target: int, options: Options
    ) -> Attribution:
        return Attribution(image.mean(2, dtype=np.float32), "", None, None, 1, True)


def test_max_sensitivity_is_the_largest_relative_change_of_the_map() -> None:
    grey = np.full((SIDE, SIDE, 3), 100, np.uint8)
    found = max_sensitivity(Brightness(), Score(LeftHalf()), grey, 0, Options("black"))
    # Noise uniform within +- r, averaged over channels: its norm is r / 3 an entry.
    assert found == pytest.approx(RADIUS * 255 / 3 / 100, rel=0.15)


def test_gradients_are_there_for_the_changed_images() -> None:
    method = METHODS["integrated_gradients"]
    model = Score(LeftHalf(), "logit")
    grey = np.full((SIDE, SIDE, 3), 100, np.uint8)
    found = max_sensitivity(method, model, grey, 0, Options("black", max_steps=9))
    assert 0 < found < 0.5
