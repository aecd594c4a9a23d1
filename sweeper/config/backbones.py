"""The networks that a configuration names: built in, entries of `backbones`, or any timm model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from datasets.preprocess import Preprocessing
from sweeper.config.allowed import unexpected
from sweeper.config.schema import OWN, Config
from trainables.registry import BACKBONES, BackboneSpec


def backbone_spec(config: Config, name: str) -> BackboneSpec:
    """The network of that name at the image size of the run.

    Without a cut, unless it is built in: `trainables.backbones.resolve` finds it. Raises
    WeightsError for a name that timm does not have.
    """
    entry = config.backbones.get(name)
    model = entry.model if entry and entry.model else name
    if model in BACKBONES:
        spec = replace(BACKBONES[model], name=name)
    else:
        from trainables.timm_models import full_name, own_size  # imports torch: seconds

        timm_name = full_name(model)
        size = own_size(timm_name)
        spec = BackboneSpec(name, name, timm_name, "", "", image_size=size)
    chosen = (entry.image_size if entry else None) or config.preprocess.image_size
    own_pooling = config.head.pooling == "model"
    return replace(spec, image_size=chosen or spec.image_size, own_pooling=own_pooling)


def preprocessing_of(config: Config, name: str) -> Preprocessing:
    """What is done to the images of a backbone. Raises WeightsError for a name that timm does not
    have, or weights that are resized in a way that is not known here."""
    spec, chosen = backbone_spec(config, name), config.preprocess
    steps = {**chosen.model_dump(), "image_size": spec.image_size}
    if OWN in (chosen.fit, chosen.interpolation):
        from trainables.timm_models import evaluation  # imports torch: seconds

        own = evaluation(spec.timm_name, config.weights_of(name).stated_input)
        if chosen.interpolation == OWN:
            steps["interpolation"] = own.interpolation
        if chosen.fit == OWN:
            steps |= {"crop_mode": own.crop_mode, "crop_pct": own.crop_pct, "fill": own.fill}
    return Preprocessing(**steps)


def unknown_backbones(config: Config) -> Iterator[str]:
    """An error line for each name that is no backbone."""
    for name, entry in config.backbones.items():
        if entry.model is None and name not in BACKBONES:
            yield f"backbones.{name}.model: required, unless the entry has a built-in name"
        elif entry.model and (problem := _problem(entry.model)):
            yield f"backbones.{name}.model={problem}"
    named = [name for name in config.grid.backbones if name not in config.backbones]
    for name in named:
        if problem := _problem(name):
            yield f"grid.backbones: {problem}"
    for name in config.weights:
        known = list(dict.fromkeys([*BACKBONES, *config.backbones, *named]))
        if name not in known:
            yield f"weights: {unexpected(name, known)}"


def too_small(config: Config) -> Iterator[str]:
    """An error line for each built-in backbone whose images are too small."""
    for name in config.grid.backbones:
        entry = config.backbones.get(name)
        if (entry.model if entry and entry.model else name) in BACKBONES:
            spec = backbone_spec(config, name)
            if spec.image_size < spec.smallest_input:
                key = "preprocess.image_size" if not entry else f"backbones.{name}.image_size"
                yield f"{key}={spec.image_size}: {name} needs at least {spec.smallest_input} pixels"


def _problem(model: str) -> str:
    """Why there is no such model, or ""."""
    if model in BACKBONES:
        return ""
    from trainables.timm_models import is_model, unknown_model  # imports torch: seconds

    return "" if is_model(model) else unknown_model(model)
