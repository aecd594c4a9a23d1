"""The picture of an explanation shows the image, the map, both, the class and the gap."""

import io

import numpy as np
import pytest
from PIL import Image

from sweeper.use import explanation_picture as module
from sweeper.use.explanation_picture import explanation_picture, overlay
from trainables.explain import METHODS, Attribution

GRADIENTS = METHODS["integrated_gradients"]


def attribution(converged: bool = True) -> Attribution:
    values = np.zeros((32, 32), np.float32)
    values[4:12, 4:12], values[20:28, 20:28] = 0.01, -0.005
    return Attribution(values, "black", 0.319, 0.001, 41, converged)


def test_the_overlay_is_red_for_evidence_and_blue_against() -> None:
    values = np.zeros((32, 32), np.float32)
    values[4:12, 4:12], values[20:28, 20:28] = 1.0, -1.0
    pixels = np.asarray(overlay(np.full((32, 32, 3), 100, np.uint8), values))
    red, blue, none = pixels[8, 8], pixels[24, 24], pixels[4, 28]
    assert red[0] > red[2] + 100
    assert blue[2] > blue[0] + 100
    np.testing.assert_array_equal(none, 100)


def test_three_panels_show_the_image_the_map_and_both() -> None:
    image = np.full((32, 32, 3), 90, np.uint8)
    drawn = explanation_picture(image, attribution(), GRADIENTS, "logit", "a.png", "bone", 0.9)
    picture = Image.open(io.BytesIO(drawn)).convert("RGB")
    zoom = picture.width // (3 * 224 + 4 * 12)
    at = [((12 + n * 236) * zoom, 54 * zoom) for n in range(3)]

    def colour(panel: int, x: int, y: int) -> list[int]:
        """The colour at a position of the 32 px image, within a panel of 224 px."""
        left, top = at[panel]
        pixels = np.asarray(picture)  # (height, width, 3)
        values: list[int] = pixels[top + y * 7 * zoom, left + x * 7 * zoom].tolist()
        return values

    assert colour(0, 8, 8) == colour(0, 24, 24) == [90, 90, 90]
    for panel in (1, 2):
        assert colour(panel, 8, 8)[0] > colour(panel, 8, 8)[2] + 50
        assert colour(panel, 24, 24)[2] > colour(panel, 24, 24)[0] + 30
    assert min(colour(1, 16, 2)) > 250
    assert max(colour(2, 16, 2)) < 110


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pictures that are drawn, as SVG."""
    drawn: list[str] = []
    monkeypatch.setattr(module, "to_png", lambda svg: drawn.append(svg) or b"")
    return drawn


def test_class_probability_and_convergence_are_shown(said: list[str]) -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    explanation_picture(
        image, attribution(), GRADIENTS, "log_probability", "a<b>.png", "骨折", 0.876
    )
    (svg,) = said
    for text in (
        "骨折, 87.6 %",
        "a&lt;b&gt;.png",
        "evidence for 骨折",
        "evidence against it",
        "The log-probability differs from that of a black image by +0.319.",
        "The map sums to +0.320: it converged in 41 steps.",
    ):
        assert text in svg
    assert svg.count("<image") == 3
    assert "…" not in svg


def test_a_map_that_did_not_converge_is_not_drawn(said: list[str]) -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    explanation_picture(image, attribution(False), GRADIENTS, "logit", "a.png", "bone", 0.9)
    (svg,) = said
    assert svg.count("<image") == 1
    assert "evidence for" not in svg
    assert "it did not converge and is not shown" in svg


def test_a_long_class_name_cuts_off_neither_its_probability_nor_the_verdict(
    said: list[str],
) -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    explanation_picture(picture, attribution(), GRADIENTS, "logit", "a.png", "grade " * 40, 0.876)
    (svg,) = said
    assert "…, 87.6 %" in svg
    assert "that of a black image by +0.319." in svg
    assert "it converged in 41 steps" in svg


def test_a_method_without_completeness_says_nothing_of_convergence(said: list[str]) -> None:
    values = np.ones((32, 32), np.float32)
    image = np.zeros((32, 32, 3), np.uint8)
    for name, legend in (("grad_cam", "evidence for bone"), ("attention_rollout", "attends to")):
        found, method = Attribution(values, "", None, None, 1, True), METHODS[name]
        explanation_picture(image, found, method, "logit", "a.png", "bone", 0.9)
        svg = said.pop()
        assert method.title in svg
        assert legend in svg
        assert "converge" not in svg
        assert ("evidence against it" in svg) == method.is_of_class
