"""The sentence about what backbones' weights were trained on."""

from types import SimpleNamespace
from typing import Any

from reports.vintages import vintage_of, vintages


def run_of(**backbones: dict[str, Any]) -> Any:
    """The part of a run that the sentence is made from."""
    return SimpleNamespace(backbones=list(backbones), info={"backbones": backbones})


def about(tag: str, data: str, weights: str = "imagenet") -> dict[str, Any]:
    known = {"tag": tag, "trained_on": data}
    return {"vintage": known, "weights": weights, "random": weights == "none"}


def test_each_backbones_weights_are_named_where_they_are_pretrained() -> None:
    dino, old = about("lvd142m", "LVD-142M"), about("tv_in1k", "ImageNet-1k")
    found = vintages(run_of(dino=dino, old=old, own=about("x", "", "file:own.safetensors")))
    for part in ("dino lvd142m: LVD-142M", "old tv_in1k: ImageNet-1k", "own file:own.safetensors"):
        assert part in found


def test_nothing_is_said_where_nothing_differs() -> None:
    assert vintages(run_of(a=about("x", "y", "none"), b=about("x", "y", "none"))) == ""
    assert vintages(run_of(a=about("x", "y"))) == ""
    assert vintages(run_of(a={}, b={})) == ""


def test_the_vintage_of_one_backbone_is_its_tag_and_data() -> None:
    run = run_of(dino=about("lvd142m", "LVD-142M"), new=about("x", "y", "none"), gone={})
    found = [vintage_of(run, name) for name in ("dino", "new", "gone", "unknown")]
    assert found == ["lvd142m: LVD-142M", "random", "", ""]
