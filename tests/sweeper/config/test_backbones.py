"""The networks that a configuration may name."""

import re

import pytest

from sweeper.config.backbones import backbone_spec, preprocess_of
from sweeper.config.load import load_config
from sweeper.errors import ConfigError

ENTRY = "backbones={small: {model: resnet18.a1_in1k, image_size: 96}, resnet50: {image_size: 128}}"


def sizes(*overrides: str) -> dict[str, int | None]:
    config = load_config("smoke", [ENTRY, "grid.backbones=[small, resnet50, vgg16]", *overrides])
    return {name: preprocess_of(config, name).image_size for name in config.grid.backbones}


def test_an_entrys_size_goes_before_that_of_all_and_that_before_the_weights_own() -> None:
    assert sizes("preprocess.image_size=160") == {"small": 96, "resnet50": 128, "vgg16": 160}
    for own in ("null", "auto"):
        assert sizes(f"preprocess.image_size={own}") == {"small": 96, "resnet50": 128, "vgg16": 224}


def test_a_timm_name_stands_for_itself() -> None:
    config = load_config("smoke", ["grid.backbones=[resnet18]", "preprocess.image_size=null"])
    spec = backbone_spec(config, "resnet18")
    assert (spec.name, spec.timm_name, spec.image_size) == ("resnet18", "resnet18.a1_in1k", 224)
    assert not spec.is_cut  # until the plan looks at the network


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "grid.backbones=[resnet18x]",
            r"^grid\.backbones: 'resnet18x' \(did you mean resnet18\?\)",
        ),
        (
            "backbones={a: {model: vit_tinny}}",
            r"^backbones\.a\.model='vit_tinny'.* such as vit_tiny",
        ),
        ("backbones={a: {image_size: 64}}", r"^backbones\.a\.model: required"),
        ("backbones={a/b: {model: resnet18}}", r"^backbones: 'a/b': "),
        ("weights.resnet=none", r"^weights: 'resnet' \(did you mean resnet50\?\)"),
        ("backbones={inceptionv3: {image_size: 64}}", r"image_size=64: inceptionv3 needs at"),
    ],
)
def test_a_name_that_is_no_backbone_is_one_line(override: str, message: str) -> None:
    more = ["grid.backbones=[inceptionv3]"] if "inceptionv3" in override else []
    with pytest.raises(ConfigError) as caught:
        load_config("smoke", [override, *more])
    (line,) = caught.value.lines
    assert re.search(message, line), line
