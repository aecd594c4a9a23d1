"""Describe any timm model by its name: architecture and tag, input, and what its weights are."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from datasets.preprocess import CROP_MODES, INTERPOLATIONS
from trainables.registry import BACKBONES, WeightsError
from trainables.remembered import remembered

_CLOSE = 3  # names that an error suggests
_DATA = {
    "in1k": "ImageNet-1k",
    "in12k": "ImageNet-12k",
    "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k",
    "lvd142m": "LVD-142M (self-supervised)",
    "lvd1689m": "LVD-1689M (self-supervised)",
    "openai": "OpenAI's image-text pairs",
    "laion2b": "LAION-2B image-text pairs",
    "laion400m": "LAION-400M image-text pairs",
    "datacompxl": "DataComp-1B image-text pairs",
    "webli": "WebLI image-text pairs",
}
_TEXT_TAGS = re.compile(r"(?<![a-z0-9])(" + "|".join(_DATA) + r")(?![a-z0-9])")


@dataclass(frozen=True)
class Vintage:
    """What a tag's weights were trained on and how, as far as timm says."""

    tag: str  # the recipe and the data in timm's words: `a1_in1k`
    trained_on: str  # the data sets in the order of training; "" if the tag names none
    license: str
    image_size: int  # pixels, of the weights' training; `test_size` where another one is advised
    test_size: int

    @property
    def text(self) -> str:
        """`a1_in1k: ImageNet-1k`."""
        return f"{self.tag}: {self.trained_on}" if self.trained_on else self.tag


@remembered(lambda fields: Vintage(**fields))
def vintage(timm_name: str) -> Vintage:
    """Of the weights that timm has under this name."""
    known = _pretrained(timm_name)
    tag = str(known.get("tag") or "")
    size = int(known["input_size"][-1])
    data = dict.fromkeys(_DATA[found] for found in _TEXT_TAGS.findall(tag.replace("_", " ")))
    return Vintage(
        tag or "none",
        ", then ".join(data),
        str(known.get("license") or "not stated by timm"),
        size,
        int((known.get("test_input_size") or known["input_size"])[-1]),
    )


@dataclass(frozen=True)
class Evaluation:
    """How timm resizes and crops images to evaluate weights; see `datasets.preprocess`."""

    interpolation: str
    crop_pct: float
    crop_mode: str
    fill: tuple[int, int, int]


@remembered(lambda fields: Evaluation(**{**fields, "fill": tuple(fields["fill"])}))
def evaluation(timm_name: str, stated: Mapping[str, Any] | None = None) -> Evaluation:
    """Of the weights that timm has under this name, or of others that come with a description like
    timm's, `stated`. Raises WeightsError for an interpolation or a crop that is not known here."""
    from timm.data.config import resolve_data_config

    known = resolve_data_config(pretrained_cfg={**_pretrained(timm_name), **(stated or {})})
    for name, allowed in (("interpolation", INTERPOLATIONS), ("crop_mode", CROP_MODES)):
        if known[name] not in allowed:
            raise WeightsError(
                f"weights of {timm_name}: their {name} is {known[name]!r}: expected one of "
                f"{', '.join(allowed)}; set preprocess.fit and preprocess.interpolation"
            )
    red, green, blue = (round(255 * value) for value in known["mean"])
    fill = (red, green, blue) if known["crop_mode"] == "border" else (0, 0, 0)
    crop_pct = float(known["crop_pct"])
    return Evaluation(known["interpolation"], crop_pct, known["crop_mode"], fill)


@remembered(bool)
def is_model(name: str) -> bool:
    """Whether timm has such a model, and the tag that may follow it."""
    import timm  # takes seconds

    if not timm.is_model(name):
        return False
    try:
        return timm.get_pretrained_cfg(name) is not None
    except RuntimeError:  # no such tag
        return False


def close_names(name: str) -> list[str]:
    """Names that timm has and that are like this one, the closest first."""
    import timm

    architecture, _, tag = name.partition(".")
    if tag and timm.is_model(architecture):
        names = timm.list_models(f"{architecture}.*", pretrained=True)
    else:
        names = timm.list_models()
        name = architecture

    def likeness(one: str) -> tuple[float, int]:
        return difflib.SequenceMatcher(None, name, one[: len(name)]).ratio(), -len(one)

    return sorted(names, key=likeness, reverse=True)[:_CLOSE]


@remembered(str)
def full_name(name: str) -> str:
    """The name with timm's default tag where it has none: `resnet18` -> `resnet18.a1_in1k`.

    Raises WeightsError, with close names, where timm has no such model.
    """
    if not is_model(name):
        raise WeightsError(unknown_model(name))
    known = _pretrained(name)
    tag = known.get("tag")
    return f"{known['architecture']}.{tag}" if tag else str(known["architecture"])


def unknown_model(name: str) -> str:
    """The error for a name that is neither timm's nor built in."""
    close = close_names(name)
    likely = difflib.get_close_matches(name, [*BACKBONES, *close], 1)
    hint = f" (did you mean {likely[0]}?)" if likely else ""
    return (
        f"'{name}'{hint}: expected one of {', '.join(BACKBONES)}, an entry of backbones, or a timm "
        f"model, such as {', '.join(close)}"
    )


@remembered(int)
def own_size(timm_name: str) -> int:
    """The image size of the weights, pixels."""
    return int(_pretrained(timm_name)["input_size"][-1])


def built_for(timm_name: str, image_size: int) -> bool:
    """Whether timm has to build the network for this size of images, pixels, which is not the size
    of its weights: position embeddings have a size."""
    known = _pretrained(timm_name)
    return bool(known.get("fixed_input_size")) and image_size != int(known["input_size"][-1])


def classifier_modules(timm_name: str) -> set[str]:
    """Names of the top-level modules that hold the classifier."""
    names = _pretrained(timm_name).get("classifier") or ()
    return {name.split(".")[0] for name in ([names] if isinstance(names, str) else names)}


def input_scale(timm_name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of the weights' input, 0..1, by channel."""
    known = _pretrained(timm_name)
    return tuple(known["mean"]), tuple(known["std"])


@cache
def _pretrained(timm_name: str) -> dict[str, Any]:
    import timm

    known = timm.get_pretrained_cfg(timm_name)
    if known is None:
        raise WeightsError(unknown_model(timm_name))
    return dict(known.to_dict())
