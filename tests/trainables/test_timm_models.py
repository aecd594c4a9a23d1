"""What timm says about its models by their names."""

import pytest

from trainables.registry import WeightsError
from trainables.timm_models import close_names, full_name, own_size, vintage


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
