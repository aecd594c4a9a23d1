"""Build and load backbones, and cut them into a frozen prefix and a trainable suffix.

spec = BACKBONES["resnet50"]
backbone = load_backbone(spec, Weights.parse("imagenet"))
activations = backbone.prefix(backbone.normalise(pixels))   # (B, C, h, w)
features = backbone.suffix(activations)                     # (B, C', h', w')
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from trainables.registry import BackboneSpec, Weights, WeightsError

BACKBONES_VERSION = 1
_CLASSIFIER = {"global_pool", "classifier", "fc", "head", "head_drop", "pre_logits", "AuxLogits"}
_CALIBRATION_BATCH = 32


class Normalise(nn.Module):
    """Scale uint8 pixels (B, 3, H, W), or floats in that range, to the weights' input range."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return (pixels.float() - self.mean) / self.std


@dataclass(frozen=True)
class Backbone:
    """A cut network. `prefix` and `suffix` are in eval mode; nothing requires a gradient."""

    spec: BackboneSpec
    normalise: Normalise
    prefix: nn.Sequential
    suffix: nn.Sequential
    names: dict[str, str]  # timm's module name -> name here: layer4.2 -> suffix.layer4_2

    def state(self) -> dict[str, Tensor]:
        parts = (("prefix", self.prefix), ("suffix", self.suffix))
        return {f"{part}.{k}": v for part, m in parts for k, v in m.state_dict().items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        for part, module in (("prefix", self.prefix), ("suffix", self.suffix)):
            start = len(part) + 1
            part_state = {k[start:]: v for k, v in state.items() if k.startswith(part)}
            module.load_state_dict(part_state, assign=True)
            module.requires_grad_(False)

    def to(self, device: torch.device) -> Backbone:
        for module in (self.normalise, self.prefix, self.suffix):
            module.to(device)
        return self


def build_backbone(
    spec: BackboneSpec, model_args: dict[str, str] | None = None, device: str = "cpu"
) -> Backbone:
    """Build the network with timm's random initialisation, seeded by the backbone's name.

    On device `meta` it has no values yet; `Backbone.load_state` fills them in.
    """
    import timm  # takes seconds, and most processes of a run never build a backbone

    args = dict(model_args or {})
    mean, std = _scale(spec, args)
    with torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(int.from_bytes(hashlib.sha256(spec.name.encode()).digest()[:4], "big"))
        try:
            model = timm.create_model(
                spec.timm_name, pretrained=False, num_classes=0, **typed(args)
            )
        except TypeError as error:
            raise WeightsError(
                f"weights of {spec.name}: timm does not take {args}: {error}"
            ) from None
    return _cut(spec, model, Normalise(mean, std))


def load_backbone(
    spec: BackboneSpec, weights: Weights, calibration: Tensor | None = None
) -> Backbone:
    """Build a backbone and load its weights.

    `calibration`: uint8 (B, 3, H, W); required for random weights, whose BatchNorm statistics are
    computed from it: with the initial ones (mean 0, variance 1) features vanish or explode with
    depth.

    Raises WeightsError: no such file, a file of another network, or an unreachable hub.
    """
    if weights.is_hub:
        return _from_hub(spec, weights)
    backbone = build_backbone(spec, dict(weights.model_args))
    if weights.is_random:
        if calibration is None:
            raise ValueError("random weights need calibration images")
        calibrate_batchnorm(backbone, calibration)
    else:
        _load_safetensors(backbone, weights.path)
    return backbone


@torch.no_grad()
def calibrate_batchnorm(backbone: Backbone, pixels: Tensor) -> None:
    """Set BatchNorm means and variances to those of `pixels`, uint8 (B, 3, H, W).

    They are a cumulative average over one pass. It runs in one thread: more would sum in another
    order, and every activation table depends on the sums.
    """
    norms = [
        module
        for part in (backbone.prefix, backbone.suffix)
        for module in part.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
    ]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's switch for a cumulative average
        norm.train()
    with _one_thread():
        for batch in pixels.split(_CALIBRATION_BATCH):
            backbone.suffix(backbone.prefix(backbone.normalise(batch)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _from_hub(spec: BackboneSpec, weights: Weights) -> Backbone:
    import timm

    for name in ("huggingface_hub", "timm"):  # they log every retry; the error is raised below
        logging.getLogger(name).setLevel(logging.CRITICAL)
    args = dict(weights.model_args)
    mean, std = _scale(spec, args)
    try:
        model = timm.create_model(spec.timm_name, pretrained=True, num_classes=0, **typed(args))
    except (OSError, RuntimeError, ValueError) as error:
        # Hub errors are OSErrors (no route, not found) or RuntimeErrors (a client closed offline).
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]
        raise WeightsError(
            f"weights.{spec.name}='imagenet': {spec.timm_name} cannot be loaded from the hub "
            f"({reason}); set the path of a safetensors file, or none for random weights"
        ) from None
    return _cut(spec, model, Normalise(mean, std))


def _load_safetensors(backbone: Backbone, path: Path) -> None:
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from None
    _check_shapes(backbone, {key: list(value.shape) for key, value in state.items()}, path)
    wanted = backbone.state()
    given = {_local_name(k, backbone.names): v for k, v in state.items() if not _is_classifier(k)}
    given = {k: v.to(wanted[k].dtype) for k, v in given.items()}  # may be half precision
    backbone.load_state(wanted | given)


def check_weights_file(spec: BackboneSpec, weights: Weights) -> None:
    """Raise WeightsError if a file does not fit the network. Reads the file's header only."""
    try:
        with safe_open(weights.path, "pt") as file:
            shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _unreadable(weights.path, error) from None
    backbone = build_backbone(spec, dict(weights.model_args), device="meta")
    _check_shapes(backbone, shapes, weights.path)


def _unreadable(path: Path, error: Exception) -> WeightsError:
    return WeightsError(f"weights '{path}': not a readable safetensors file ({error})")


def _check_shapes(backbone: Backbone, shapes: Mapping[str, list[int]], path: Path) -> None:
    wanted = backbone.state()
    given = {_local_name(k, backbone.names): v for k, v in shapes.items() if not _is_classifier(k)}
    wrong = [k for k in wanted if k not in given or given[k] != list(wanted[k].shape)]
    wrong = [k for k in wrong if not k.endswith("num_batches_tracked")]
    unknown = [k for k in given if k not in wanted]  # ResNet101 has all tensors of ResNet50
    if wrong or unknown:
        raise WeightsError(
            f"weights '{path}': not those of {backbone.spec.timm_name}: {len(wrong)} of "
            f"{len(wanted)} tensors missing or of another shape, {len(unknown)} unknown; "
            f"the first is {(wrong + unknown)[0]}"
        )


def _is_classifier(key: str) -> bool:
    return key.split(".")[0] in _CLASSIFIER


def _local_name(key: str, names: dict[str, str]) -> str:
    """A tensor's name in `Backbone.state`; timm's name if the backbone has no such module."""
    found = (
        local + key[len(name) :] for name, local in names.items() if key.startswith(f"{name}.")
    )
    return next(found, key)


def _scale(spec: BackboneSpec, args: dict[str, str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Input mean and standard deviation in 0..1: popped from `args`, else timm's for the tag."""
    import timm

    pretrained = timm.get_pretrained_cfg(spec.timm_name)
    assert pretrained is not None, spec.timm_name
    known = pretrained.to_dict()
    try:
        mean, std = (
            (float(args.pop(name)),) * 3 if name in args else tuple(known[name])
            for name in ("mean", "std")
        )
    except ValueError:
        raise WeightsError(
            f"weights of {spec.name}: mean and std must be numbers, got {args}"
        ) from None
    return mean, std


def typed(args: dict[str, str]) -> dict[str, Any]:
    """Convert query-string values to the numbers and booleans that timm expects."""
    words: dict[str, Any] = {"true": True, "false": False}
    return {k: words.get(v.lower(), int(v) if v.isdigit() else v) for k, v in args.items()}


def _cut(spec: BackboneSpec, model: nn.Module, normalise: Normalise) -> Backbone:
    stages = list(_stages(model))
    cut = [name for name, _ in stages].index(spec.suffix_from)
    model.requires_grad_(False)
    prefix, suffix = (
        nn.Sequential(OrderedDict((_flat(name), module) for name, module in part)).eval()
        for part in (stages[:cut], stages[cut:])
    )
    names = {
        name: f"{'prefix' if i < cut else 'suffix'}.{_flat(name)}"
        for i, (name, _) in enumerate(stages)
    }
    return Backbone(spec, normalise, prefix, suffix, names)


def _stages(model: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The feature modules in order of execution: Sequentials flattened, without the classifier."""
    for name, child in model.named_children():
        if (path == "" and name in _CLASSIFIER) or isinstance(child, nn.Identity):
            continue
        if type(child) is nn.Sequential:
            yield from _stages(child, f"{path}{name}.")
        else:
            yield f"{path}{name}", child


def _flat(name: str) -> str:
    return name.replace(".", "_")
