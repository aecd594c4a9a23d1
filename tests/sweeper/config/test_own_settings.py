"""What is carried from one command to the next about the same images."""

from sweeper.config.load import load_config
from sweeper.config.own_settings import own_settings


def test_a_screen_hands_on_what_it_was_told_and_not_its_own_question() -> None:
    told = [
        "data.path=pics",
        "head.pooling=avg",
        "split.folds=4",
        "store=kept",
        "weights.regnet=none",
    ]
    found = own_settings(load_config("screen", told))
    networks = {key: value for key, value in found.items() if key.startswith("backbones.")}
    assert {key: value for key, value in found.items() if key not in networks} == {
        "store": "kept",
        "data.path": "pics",
        "split.folds": 4,
        "head.pooling": "avg",
        "weights.regnet": "none",
    }
    # `default` does not know these names
    assert networks["backbones.regnet"] == {"model": "regnety_016.tv2_in1k"}
    assert "backbones.convnext-nano" not in networks


def test_handed_on_settings_give_the_next_run_the_same_networks_and_images() -> None:
    told = ["data.path=pics", "grid.scenarios=[few]", "scenarios.few=[a, b]", "preprocess.fit=crop"]
    screen = load_config("screen", told)
    settings = [f"{key}={value}" for key, value in own_settings(screen).items()]
    following = load_config("default", [*settings, "grid.backbones=[regnet]"])
    assert following.data == screen.data
    assert following.scenarios == screen.scenarios
    assert following.grid.scenarios == ["few"]
    assert following.preprocess.fit == "crop"
    assert following.backbones["regnet"] == screen.backbones["regnet"]
