"""Load backbones with their weights: from the hub, a file, or random ones."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from trainables.backbones import (
    HEAD_MODULES,
    Backbone,
    build_backbone,
    calibrate_batchnorm,
    cut,
    scale_of,
    typed,
)
from trainables.hub import out_of_reach
from trainables.registry import BackboneSpec, Weights, WeightsError
from trainables.timm_models import classifier_modules, own_size


def load_backbone(
    spec: BackboneSpec, weights: Weights, calibration: Tensor | None = None
) -> Backbone:
    """Build a backbone and load its weights.

    `calibration`: uint8 (B, 3, H, W); required for random weights, for `calibrate_batchnorm`.

    Raises WeightsError: no such file, a file of another network, or an unreachable hub.
    """
    if weights.is_hub:
        return _from_hub(spec, weights)
    if weights.is_random:
        if calibration is None:
            raise ValueError("random weights need calibration images")
        backbone = build_backbone(spec, dict(weights.model_args))
        calibrate_batchnorm(backbone, calibration)
        return backbone
    return _from_file(spec, weights)


def check_weights_file(spec: BackboneSpec, weights: Weights) -> None:
    """Raise WeightsError if a file does not fit the network. Reads the file's header only."""
    try:
        with safe_open(weights.path, "pt") as file:
            shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _unreadable(weights.path, error) from None
    backbone = build_backbone(_at_own_size(spec), dict(weights.model_args), device="meta")
    _check_shapes(backbone, shapes, weights.path)


def _from_hub(spec: BackboneSpec, weights: Weights) -> Backbone:
    import timm

    if reason := out_of_reach([spec]):  # the hub's own client retries for most of a minute
        raise _not_loaded(spec, reason)
    for name in ("huggingface_hub", "timm"):  # they log every retry; the error is raised below
        logging.getLogger(name).setLevel(logging.CRITICAL)
    args = dict(weights.model_args)
    scale = scale_of(spec, args)
    try:
        model: nn.Module = timm.create_model(
            spec.timm_name,
            pretrained=True,
            num_classes=0,
            **typed(args),
            **spec.size_arguments,
        )
    except (OSError, RuntimeError, ValueError) as error:
        # Hub errors are OSErrors (no route, not found) or RuntimeErrors (a client closed offline).
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]
        raise _not_loaded(spec, reason) from None
    return cut(spec, model, scale)


def _not_loaded(spec: BackboneSpec, reason: str) -> WeightsError:
    return WeightsError(
        f"weights.{spec.name}='imagenet': {spec.timm_name} cannot be loaded from the hub "
        f"({reason}); set the path of a safetensors file, or none for random weights"
    )


def _from_file(spec: BackboneSpec, weights: Weights) -> Backbone:
    path, own = weights.path, _at_own_size(spec)
    backbone = build_backbone(own, dict(weights.model_args))
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from None
    _check_shapes(backbone, {key: list(value.shape) for key, value in state.items()}, path)
    if spec.built_for_size:
        return _resized(spec, weights)
    _load(backbone, state)
    return replace(backbone, spec=spec)


def _load(backbone: Backbone, state: Mapping[str, Tensor]) -> None:
    """Load tensors by timm's names; those of other modules are left out."""
    wanted = backbone.state()
    given = {local: v for k, v in state.items() if (local := backbone.local_name(k)) in wanted}
    given = {k: v.to(wanted[k].dtype) for k, v in given.items()}  # may be half precision
    backbone.load_state(wanted | given)


def _resized(spec: BackboneSpec, weights: Weights) -> Backbone:
    """The weights of a network that is built for one image size, adapted to another by timm, which
    interpolates position embeddings."""
    import timm

    args = dict(weights.model_args)
    scale = scale_of(spec, args)
    model: nn.Module = timm.create_model(
        spec.timm_name,
        pretrained=True,
        pretrained_cfg_overlay={"file": str(weights.path)},
        num_classes=0,
        **typed(args),
        **spec.size_arguments,
    )
    return cut(spec, model.to(torch.float32), scale)


def _at_own_size(spec: BackboneSpec) -> BackboneSpec:
    if not spec.built_for_size:
        return spec
    return replace(spec, image_size=own_size(spec.timm_name), built_for_size=False)


def _unreadable(path: Path, error: Exception) -> WeightsError:
    return WeightsError(f"weights '{path}': not a readable safetensors file ({error})")


def _check_shapes(backbone: Backbone, shapes: Mapping[str, list[int]], path: Path) -> None:
    wanted = backbone.state()
    given = {backbone.local_name(k) or k: v for k, v in shapes.items()}
    wrong = [k for k in wanted if k not in given or given[k] != list(wanted[k].shape)]
    wrong = [k for k in wrong if not k.endswith("num_batches_tracked")]
    # ResNet101 has all tensors of ResNet50.
    unused = {*HEAD_MODULES, *classifier_modules(backbone.spec.timm_name)}
    unknown = [k for k in given if k not in wanted and k.split(".")[0] not in unused]
    if wrong or unknown:
        raise WeightsError(
            f"weights '{path}': not those of {backbone.spec.timm_name}: {len(wrong)} of "
            f"{len(wanted)} tensors missing or of another shape, {len(unknown)} unknown; "
            f"the first is {(wrong + unknown)[0]}{_without_own_pooling(backbone.spec, wrong)}"
        )


def _without_own_pooling(spec: BackboneSpec, missing: Sequence[str]) -> str:
    """The way out for a file that only lacks layers after the last feature map, as VGG's."""
    if not spec.own_pooling or not missing:
        return ""
    needed = build_backbone(replace(spec, own_pooling=False), device="meta").state()
    if any(name in needed for name in missing):
        return ""
    return "; all that is missing follows the last feature map: head.pooling=avg does without it"
