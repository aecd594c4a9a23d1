"""What timm says about its models by their names."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import timm
from PIL import Image
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform

from datasets.preprocess import Preprocessing, preprocess
from trainables.registry import WeightsError
from trainables.timm_models import close_names, evaluation, full_name, own_size, vintage


def test_a_name_without_a_tag_is_that_of_timms_default() -> None:
    assert full_name("resnet18") == full_name("resnet18.a1_in1k") == "resnet18.a1_in1k"


@pytest.mark.parametrize(
    ("name", "close"),
    [("resnet18a", "resnet18"), ("resnet18.zzz", "resnet18."), ("vit_tiny", "vit_tiny_")],
)
def test_an_unknown_name_is_refused_with_close_ones(name: str, close: str) -> None:
    assert any(one.startswith(close) for one in close_names(name) if one != name)
    expected = f"'{name}'.*: expected one of .* or a timm model, such as"
    with pytest.raises(WeightsError, match=expected):
        full_name(name)


def test_each_model_has_its_own_size_of_images() -> None:
    sizes = {"tf_efficientnet_b3": 300, "inception_v3": 299, "vit_small_patch14_dinov2": 518}
    assert {name: own_size(name) for name in sizes} == sizes


def test_the_vintage_names_data_recipe_and_license() -> None:
    found = vintage("convnext_tiny.in12k_ft_in1k")
    assert (found.tag, found.trained_on) == ("in12k_ft_in1k", "ImageNet-12k, then ImageNet-1k")
    assert (found.license, found.image_size, found.test_size) == ("apache-2.0", 224, 288)
    assert vintage("vit_small_patch14_dinov2.lvd142m").text == "lvd142m: LVD-142M (self-supervised)"
    assert vintage("resnet18.a1_in1k").text == "a1_in1k: ImageNet-1k"


EVALUATED = [  # each crop mode, both interpolations, and crops larger than the resized image
    "resnet50.tv_in1k",
    "tf_efficientnet_b3.aa_in1k",
    "vit_base_patch32_clip_224.openai",
    "swin_tiny_patch4_window7_224.ms_in1k",
    "vit_small_patch14_dinov2.lvd142m",
    "convnext_tiny.fb_in22k_ft_in1k_384",
    "volo_d4_448.sail_in1k",
    "deepseek_vit_412m.deepseek_v4_flash_vision_exp",
]


@pytest.mark.parametrize("name", EVALUATED)
@pytest.mark.parametrize("size", [(640, 431), (213, 579), (150, 151), (1000, 1206)])
def test_the_models_fit_is_timms_evaluation(name: str, size: tuple[int, int]) -> None:
    image, own = _picture(size), evaluation(name)
    how = Preprocessing(own_size(name), "none", "model", **asdict(own))
    expected = _evaluated(image, name)
    np.testing.assert_array_equal(preprocess(np.asarray(image), how), expected)
    others = [
        replace(how, crop_pct=own.crop_pct * 0.98),
        replace(how, interpolation="bilinear" if own.interpolation == "bicubic" else "bicubic"),
        replace(how, fit="pad" if own.crop_mode != "border" else "squash"),
    ]
    assert not any((preprocess(np.asarray(image), one) == expected).all() for one in others)


def _picture(size: tuple[int, int]) -> Image.Image:
    """Smooth shapes, edges and noise."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    values = 128 + 60 * np.sin(x / 31) * np.cos(y / 17) + 50 * ((x + y) // 40 % 2)
    noise = np.random.default_rng(0).normal(0, 20, (height, width, 3))
    return Image.fromarray(np.clip(values[..., None] + noise, 0, 255).astype(np.uint8))


@pytest.fixture(autouse=True)
def _rows_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow 13 resamples tall images along columns first, and others and earlier versions rows."""
    resize = Image.Image.resize

    def rows_first(image: Image.Image, size: Sequence[int], *how: Any, **options: Any) -> Any:
        across = resize(image, (size[0], image.height), *how, **options)
        return resize(across, (size[0], size[1]), *how, **options)

    monkeypatch.setattr(Image.Image, "resize", rows_first)


def _evaluated(image: Image.Image, name: str) -> np.ndarray:
    """(N, N, 3), 0..255, by timm's own transform."""
    known = timm.get_pretrained_cfg(name)
    assert known is not None
    config = resolve_data_config(pretrained_cfg=known.to_dict())
    pixels = create_transform(**config)(image).numpy().transpose(1, 2, 0)
    return np.rint((pixels * config["std"] + config["mean"]) * 255)
