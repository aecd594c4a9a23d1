"""The formulas of the paper's text and of its notebook."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from datasets.preprocess import (
    CROP_MODES,
    FITS,
    INTERPOLATIONS,
    Preprocessing,
    contents,
    preprocess,
    stretch,
)

IMAGES = arrays.arrays(np.uint8, (6, 6, 3), elements=st.integers(30, 200))


@given(IMAGES)
def test_stretch_is_equation_2_over_the_whole_image(image: np.ndarray) -> None:
    low, high = image.min(), image.max()
    if low == high:
        np.testing.assert_array_equal(preprocess(image, Preprocessing(6, "stretch")), image)
        return
    expected = (image.astype(float) - low) / (float(high) - low) * 255
    stretched = preprocess(image, Preprocessing(6, "stretch"))
    assert np.abs(stretched - expected).max() <= 0.5 + 1e-9
    assert (stretched.min(), stretched.max()) == (0, 255)


@given(IMAGES)
def test_weighted_is_the_notebooks_multiplication(image: np.ndarray) -> None:
    expected = np.clip(1.35 * image.astype(float) - 0.15, 0, 255)
    assert np.abs(preprocess(image, Preprocessing(6, "weighted")) - expected).max() <= 0.5 + 1e-9


def test_a_full_range_is_stretched_to_itself() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    np.testing.assert_array_equal(stretch(image), image)


def test_resizing_averages_areas() -> None:
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, ::2] = 200
    np.testing.assert_array_equal(
        preprocess(image, Preprocessing(2, "none")), np.full((2, 2, 3), 100, np.uint8)
    )


def test_any_shape_becomes_the_requested_square() -> None:
    resized = preprocess(np.ones((58, 640, 3), np.uint8), Preprocessing(224, "stretch"))
    assert (resized.shape, resized.dtype) == ((224, 224, 3), np.uint8)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("shape", [(58, 640), (640, 58), (1, 300), (48, 48), (7, 9)])
def test_every_fit_makes_a_square_of_any_image(shape: tuple[int, int], fit: str) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    square = preprocess(image, Preprocessing(48, fit=fit, clahe=2.0))
    assert (square.shape, square.dtype) == ((48, 48, 3), np.uint8)


def test_padding_and_cropping_keep_angles_and_squashing_does_not() -> None:
    """A disc in a wide image stays a disc."""
    y, x = np.mgrid[:100, :300]
    disc = ((x - 150) ** 2 + (y - 50) ** 2 < 40**2).astype(np.uint8) * 255
    shape = {}
    for fit in FITS:
        square = preprocess(disc[..., None].repeat(3, 2), Preprocessing(90, "none", fit))[..., 0]
        lit = square > 127
        shape[fit] = lit.any(0).sum() / lit.any(1).sum()
    assert shape["pad"] == pytest.approx(1, abs=0.1)
    assert shape["crop"] == pytest.approx(1, abs=0.05)
    assert shape["squash"] == pytest.approx(1 / 3, abs=0.05)


def test_padding_has_the_median_colour_of_the_edges_beside_it() -> None:
    image = np.full((20, 10, 3), 200, np.uint8)
    image[:, [0, -1]] = (30, 40, 50)
    image[:3, 0] = 255  # a marker on the film's edge
    square = preprocess(image, Preprocessing(20, "none", "pad"))
    np.testing.assert_array_equal(square[:, 5:15], image)
    for side in (square[:, :5], square[:, 15:]):
        np.testing.assert_array_equal(side, np.broadcast_to((30, 40, 50), (20, 5, 3)))


def test_a_crop_is_the_central_square() -> None:
    image = np.random.default_rng(0).integers(0, 256, (10, 30, 3), np.uint8)
    cropped = preprocess(image, Preprocessing(10, "none", "crop"))
    np.testing.assert_array_equal(cropped, image[:, 10:20])


def test_contents_are_the_image_without_padding() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 10, 3), np.uint8)
    pad, crop = Preprocessing(20, "none", "pad"), Preprocessing(20, "none", "crop")
    shown, aspect = contents(preprocess(image, pad), 10, 20, pad)
    np.testing.assert_array_equal(shown, image)
    assert aspect == 0.5
    assert contents(preprocess(image, crop), 10, 20, crop)[1] == 1.0


def test_grey_is_the_luminance_in_every_channel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8)
    grey = preprocess(image, Preprocessing(9, "none", grey=True))
    expected = image @ np.array([0.299, 0.587, 0.114])
    for channel in range(3):
        assert np.abs(grey[..., channel] - expected).max() <= 0.51


def test_clahe_raises_the_contrast_of_a_flat_region_and_keeps_grey_grey() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(100, 110, (64, 64, 1), np.uint8).repeat(3, 2)
    image[:, 32:] += rng.integers(0, 140, (64, 32, 1), np.uint8)
    plain = preprocess(image, Preprocessing(64))
    even = preprocess(image, Preprocessing(64, clahe=3.0))
    assert even[:, :32].std() > 2 * plain[:, :32].std()
    assert (even == even[..., :1]).all()


def test_clahe_keeps_the_hue_of_a_colour_image() -> None:
    red = np.random.default_rng(0).integers(90, 110, (64, 64, 3), np.uint8)
    red[..., 0] += 80
    even = preprocess(red, Preprocessing(64, "none", clahe=3.0)).astype(int)
    assert even[..., 1].std() > red[..., 1].std()
    assert (even[..., 0] - even[..., 1]).mean() == pytest.approx(80, abs=4)


def test_steps_enter_the_key_only_where_they_are_used() -> None:
    """The keys of images that were preprocessed before there was a choice stay valid."""
    plain = {"image_size": 64, "contrast": "stretch"}
    assert Preprocessing(64).made_from == plain
    assert Preprocessing(64, fit="pad").made_from == plain | {"fit": "pad"}
    assert Preprocessing(64, grey=True, clahe=2.0).made_from == plain | {"grey": True, "clahe": 2.0}
    cropped = {"fit": "model", "interpolation": "bicubic", "crop_pct": 0.9}
    how = Preprocessing(64, fit="model", interpolation="bicubic", crop_pct=0.9)
    assert how.made_from == plain | cropped


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_every_interpolation_averages_when_it_reduces(interpolation: str) -> None:
    """OpenCV's bilinear and bicubic ones do not: stripes would alias."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, ::2] = 200
    how = Preprocessing(12, "none", interpolation=interpolation)
    assert np.abs(preprocess(image, how).astype(int) - 100).max() <= 12


@pytest.mark.parametrize("crop_mode", CROP_MODES)
@pytest.mark.parametrize("crop_pct", [0.875, 1.0, 1.15])
def test_contents_of_a_models_crop_are_what_it_shows(crop_mode: str, crop_pct: float) -> None:
    image = np.random.default_rng(0).integers(60, 200, (30, 90, 3), np.uint8)
    how = Preprocessing(
        48,
        "none",
        "model",
        interpolation="bilinear",
        crop_mode=crop_mode,
        crop_pct=crop_pct,
        fill=(0, 0, 0),
    )
    square = preprocess(image, how)
    shown, aspect = contents(square, 90, 30, how)
    assert shown.min() > 0  # the fill, and only it, is left out
    assert shown.sum() == square.sum()
    ratio = shown.shape[1] / shown.shape[0] if crop_mode != "squash" else 3
    assert aspect == pytest.approx(ratio, rel=0.1)


def test_an_extremely_long_image_is_cut_before_it_is_enlarged() -> None:
    """Resizing all of it first, as timm does, would take 11 GB."""
    image = np.random.default_rng(0).integers(0, 256, (3, 50_000, 3), np.uint8)
    for interpolation in INTERPOLATIONS:
        how = Preprocessing(224, fit="model", interpolation=interpolation, crop_pct=0.875)
        assert preprocess(image, how).shape == (224, 224, 3)


def test_steps_written_as_json_are_read_again() -> None:
    how = Preprocessing(32, fit="model", interpolation="bicubic", crop_pct=0.9, fill=(1, 2, 3))
    assert Preprocessing.of({**json.loads(json.dumps(asdict(how))), "mean": [0.5]}) == how
    assert Preprocessing.of({"image_size": 32}) == Preprocessing(32)


def test_a_wrong_image_or_step_is_refused() -> None:
    with pytest.raises(ValueError, match=r"uint8 \(H, W, 3\)"):
        preprocess(np.zeros((4, 4), np.uint8), Preprocessing(2))
    with pytest.raises(ValueError, match="'gamma': expected one of stretch, weighted, none"):
        Preprocessing(2, "gamma")
    with pytest.raises(ValueError, match="'fill': expected one of pad, crop, squash"):
        Preprocessing(2, fit="fill")
    with pytest.raises(ValueError, match="'nearest': expected one of area, bilinear, bicubic"):
        Preprocessing(2, interpolation="nearest")
