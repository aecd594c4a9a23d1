"""The configuration of an earlier version's run keeps its meaning."""

from datasets.augment import FEC_IGE
from sweeper.config.earlier import in_present_keys
from sweeper.config.schema import Config

NUMBERS = {
    "horizontal_flip_p": 0.5,
    "vertical_flip_p": 0.5,
    "rotation_degrees": 54.0,
    "contrast": 0.1,
}


def test_images_of_earlier_runs_were_squashed() -> None:
    earlier = {"name": "x", "preprocess": {"image_size": 80}}
    assert Config.model_validate(in_present_keys(earlier)).preprocess.fit == "squash"
    assert Config.model_validate(in_present_keys({"name": "x"})).preprocess.fit == "squash"
    assert Config.model_validate(in_present_keys(earlier)).preprocess.interpolation == "area"


def test_the_numbers_of_an_augmentation_become_transforms() -> None:
    other = {**NUMBERS, "vertical_flip_p": 0.0, "copies": 2}
    earlier = {"name": "x", "augmentations": {"fec-ige": {**NUMBERS, "copies": 3}, "own": other}}
    config = Config.model_validate(in_present_keys(earlier))
    assert config.augmentations["fec-ige"].pipeline == FEC_IGE
    assert config.augmentations["fec-ige"].copies == 3
    assert {"VerticalFlip": {"p": 0.0}} in config.augmentations["own"].transforms


def test_a_configuration_of_this_version_is_left_alone() -> None:
    config = Config(name="x").model_dump(mode="json")
    assert in_present_keys(config) == config
