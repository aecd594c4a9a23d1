"""The networks that a configuration may name."""

import json
import re
from pathlib import Path

import pytest

from datasets.preprocess import Preprocessing
from sweeper.config.backbones import backbone_spec, preprocessing_of
from sweeper.config.load import load_config
from sweeper.config.schema import Config
from sweeper.errors import ConfigError
from trainables.registry import WeightsError

ENTRY = "backbones={small: {model: resnet18.a1_in1k, image_size: 96}, resnet50: {image_size: 128}}"


def sizes(*overrides: str) -> dict[str, int | None]:
    config = load_config("smoke", [ENTRY, "grid.backbones=[small, resnet50, vgg16]", *overrides])
    return {name: preprocessing_of(config, name).image_size for name in config.grid.backbones}


def test_an_entrys_size_goes_before_that_of_all_and_that_before_the_weights_own() -> None:
    assert sizes("preprocess.image_size=160") == {"small": 96, "resnet50": 128, "vgg16": 160}
    for own in ("null", "auto"):
        assert sizes(f"preprocess.image_size={own}") == {"small": 96, "resnet50": 128, "vgg16": 224}


def test_a_timm_name_stands_for_itself() -> None:
    config = load_config("smoke", ["grid.backbones=[resnet18]", "preprocess.image_size=null"])
    spec = backbone_spec(config, "resnet18")
    assert (spec.name, spec.timm_name, spec.image_size) == ("resnet18", "resnet18.a1_in1k", 224)
    assert not spec.is_cut  # until the plan looks at the network


def test_each_backbone_is_resized_and_cropped_as_its_weights_were_evaluated() -> None:
    own = ["preprocess.fit=model", "preprocess.interpolation=model", "preprocess.image_size=null"]
    config = load_config("smoke", ["grid.backbones=[resnet50, vgg16, efficientnetb3]", *own])
    how = {name: preprocessing_of(config, name) for name in config.grid.backbones}
    assert how["resnet50"] == how["vgg16"]
    assert {name: (one.interpolation, one.crop_pct) for name, one in how.items()} == {
        "resnet50": ("bilinear", 0.875),
        "vgg16": ("bilinear", 0.875),
        "efficientnetb3": ("bicubic", 0.904),
    }


def test_without_asking_for_it_nothing_of_an_image_is_cropped() -> None:
    config = Config(name="own")
    how = preprocessing_of(config, "efficientnetb3")
    assert how == Preprocessing(300, fit="pad", interpolation="bicubic")


def test_a_folder_from_the_hub_says_how_its_weights_were_evaluated(tmp_path: Path) -> None:
    given = {"interpolation": "lanczos", "crop_pct": 0.5, "crop_mode": "border", "mean": [0.2] * 3}
    (tmp_path / "model.safetensors").write_bytes(b"")
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"architecture": "resnet50", "pretrained_cfg": given}))
    own = ["preprocess.fit=model", "preprocess.interpolation=model"]
    settings = ["grid.backbones=[resnet50]", f"weights.resnet50={tmp_path}", *own]
    how = preprocessing_of(load_config("smoke", settings), "resnet50")
    assert (how.interpolation, how.crop_pct, how.crop_mode) == ("lanczos", 0.5, "border")
    assert how.fill == (51, 51, 51)
    file.write_text(json.dumps({"pretrained_cfg": given | {"interpolation": "nearest"}}))
    with pytest.raises(WeightsError, match="interpolation is 'nearest': expected one of area"):
        preprocessing_of(load_config("smoke", settings), "resnet50")


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
