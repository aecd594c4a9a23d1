"""The five backbones, each cut into a frozen prefix and a trainable suffix.

The paper fine-tunes "the last 20 layers" of the Keras models. About ten of those belong to the
head, so about ten are left for the backbone: its last block, which is what `suffix` names here.

    spec = BACKBONES["resnet50"]
    backbone = load_backbone(spec, Weights.parse("imagenet"))
    activations = backbone.prefix(backbone.normalise(pixels))   # (B, C, h, w)
    features = backbone.suffix(activations)                     # (B, C', h', w')
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

BACKBONES_VERSION = 1
_TOP = {"global_pool", "classifier", "fc", "head", "head_drop", "pre_logits", "AuxLogits"}
_CALIBRATION_BATCH = 32


class WeightsError(ValueError):
    """Weights that cannot be had; the message is one line for the user."""


@dataclass(frozen=True)
class BackboneSpec:
    """One row of the registry."""

    name: str
    title: str
    timm_name: str  # architecture and pretrained tag, as timm spells it
    suffix_from: str  # dotted name of the first module that fine-tuning trains
    suffix_text: str
    smallest_input: int  # pixels; below it the last feature map vanishes


BACKBONES: dict[str, BackboneSpec] = {
    spec.name: spec
    for spec in (
        BackboneSpec(
            "efficientnetb3",
            "EfficientNet-B3",
            "tf_efficientnet_b3.aa_in1k",
            "blocks.6.1",
            "blocks.6.1 (last MBConv block), conv_head and bn2",
            32,
        ),
        BackboneSpec(
            "resnet50",
            "ResNet50",
            "resnet50.tv_in1k",
            "layer4.2",
            "layer4.2 (last bottleneck block)",
            32,
        ),
        BackboneSpec(
            "vgg16",
            "VGG16",
            "vgg16.tv_in1k",
            "features.24",
            "features.24 to features.30 (block 5: three convolutions and the pooling)",
            32,
        ),
        BackboneSpec(
            "mobilenet",
            "MobileNet V1",
            "mobilenetv1_100.ra4_e3600_r224_in1k",
            "blocks.4.1",
            "blocks.4.1 (last depthwise separable block)",
            32,
        ),
        BackboneSpec(
            "inceptionv3",
            "Inception V3",
            "inception_v3.tf_in1k",
            "Mixed_7c",
            "Mixed_7c (last inception block)",
            75,
        ),
    )
}


@dataclass(frozen=True)
class Weights:
    """Where a backbone's weights come from.

    Written `imagenet` (timm's own, from the hub), `none` (random), or the path of a safetensors
    file, after which timm's arguments may follow: `mobilenet.safetensors?pad_type=same`. The
    arguments `mean` and `std` (0..1) set another input scale.
    """

    source: str  # "imagenet", "none" or a path
    model_args: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Weights:
        source, _, query = text.partition("?")
        return cls(source, tuple(sorted(parse_qsl(query, strict_parsing=bool(query)))))

    @property
    def label(self) -> str:
        """The `weights` column of the tables: `imagenet`, `none` or `file:<name>`."""
        return self.source if self.is_random or self.is_hub else f"file:{Path(self.source).name}"

    @property
    def is_random(self) -> bool:
        return self.source == "none"

    @property
    def is_hub(self) -> bool:
        return self.source == "imagenet"

    def identity(self) -> dict[str, object]:
        """What determines the weights, for a store key: never a path, the file's hash instead.

        Raises WeightsError where the file is not there.
        """
        source = self.source if self.is_random or self.is_hub else self._file_hash()
        return {"source": source, "model_args": dict(self.model_args)}

    def _file_hash(self) -> str:
        path = Path(self.source).expanduser()
        if not path.is_file():
            raise WeightsError(
                f"weights '{self.source}': no such file; "
                "give imagenet, none or the path of a safetensors file"
            )
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


class Normalise(nn.Module):
    """uint8 pixels (B, 3, H, W), or floats of the same range, to the weights' input scale."""

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
    names: dict[str, str]  # timm's name of a module -> its name here: layer4.2 -> suffix.layer4_2

    def state(self) -> dict[str, Tensor]:
        parts = (("prefix", self.prefix), ("suffix", self.suffix))
        return {f"{part}.{k}": v for part, m in parts for k, v in m.state_dict().items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        for part, module in (("prefix", self.prefix), ("suffix", self.suffix)):
            at = len(part) + 1
            own = {k[at:]: v for k, v in state.items() if k.startswith(part)}
            module.load_state_dict(own, assign=True)
            module.requires_grad_(False)

    def to(self, device: torch.device) -> Backbone:
        for module in (self.normalise, self.prefix, self.suffix):
            module.to(device)
        return self


def build_backbone(
    spec: BackboneSpec, model_args: dict[str, str] | None = None, device: str = "cpu"
) -> Backbone:
    """The network with timm's random initialisation, seeded by the backbone's name; on device
    `meta` without values, to be filled by `Backbone.load_state`."""
    args = dict(model_args or {})
    mean, std = _scale(spec, args)
    with torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(int.from_bytes(hashlib.sha256(spec.name.encode()).digest()[:4], "big"))
        try:
            model = timm.create_model(
                spec.timm_name, pretrained=False, num_classes=0, **_typed(args)
            )
        except TypeError as error:
            raise WeightsError(
                f"weights of {spec.name}: timm does not take {args}: {error}"
            ) from None
    return _cut(spec, model, Normalise(mean, std))


def load_backbone(
    spec: BackboneSpec, weights: Weights, calibration: Tensor | None = None
) -> Backbone:
    """A backbone with its weights.

    `calibration`: uint8 (B, 3, H, W); needed for random weights, whose BatchNorm statistics are set
    from it: with the initial ones (mean 0, variance 1) features vanish or explode with depth.

    Raises WeightsError: no such file, a file of another network, a hub that cannot be reached.
    """
    if weights.is_hub:
        return _from_hub(spec, weights)
    backbone = build_backbone(spec, dict(weights.model_args))
    if weights.is_random:
        if calibration is None:
            raise ValueError("random weights need calibration images")
        calibrate_batchnorm(backbone, calibration)
    else:
        _load_safetensors(backbone, Path(weights.source).expanduser())
    return backbone


@torch.no_grad()
def calibrate_batchnorm(backbone: Backbone, pixels: Tensor) -> None:
    """Set BatchNorm means and variances to those of `pixels`, uint8 (B, 3, H, W): a cumulative
    average over one pass. Networks without BatchNorm stay as they are."""
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
    for batch in pixels.split(_CALIBRATION_BATCH):
        backbone.suffix(backbone.prefix(backbone.normalise(batch)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


def _from_hub(spec: BackboneSpec, weights: Weights) -> Backbone:
    args = dict(weights.model_args)
    mean, std = _scale(spec, args)
    try:
        model = timm.create_model(spec.timm_name, pretrained=True, num_classes=0, **_typed(args))
    except (OSError, RuntimeError, ValueError) as error:
        # Hub errors are OSErrors (no route, not found) or RuntimeErrors (a client closed offline).
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]
        raise WeightsError(
            f"weights.{spec.name}='imagenet': {spec.timm_name} cannot be loaded from the hub "
            f"({reason}); give the path of a safetensors file, or none for random weights"
        ) from None
    return _cut(spec, model, Normalise(mean, std))


def _load_safetensors(backbone: Backbone, path: Path) -> None:
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"weights '{path}': no readable safetensors file ({error})") from None
    renamed = {
        own + key[len(name) :]: value
        for name, own in backbone.names.items()
        for key, value in state.items()
        if key.startswith(f"{name}.")
    }
    wanted = backbone.state()
    wrong = [k for k in wanted if k not in renamed or renamed[k].shape != wanted[k].shape]
    wrong = [k for k in wrong if not k.endswith("num_batches_tracked")]
    if wrong:
        raise WeightsError(
            f"weights '{path}': not those of {backbone.spec.timm_name}: "
            f"{len(wrong)} of {len(wanted)} tensors missing or of another shape, first {wrong[0]}"
        )
    backbone.load_state(wanted | renamed)


def _scale(spec: BackboneSpec, args: dict[str, str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Input mean and standard deviation in 0..1: timm's for the tag, unless `args` has them (which
    are then taken out of it)."""
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
            f"weights of {spec.name}: mean and std are numbers, got {args}"
        ) from None
    return mean, std


def _typed(args: dict[str, str]) -> dict[str, Any]:
    """Query-string values as timm wants them: numbers and booleans are no strings."""
    words: dict[str, Any] = {"true": True, "false": False}
    return {k: words.get(v.lower(), int(v) if v.isdigit() else v) for k, v in args.items()}


def _cut(spec: BackboneSpec, model: nn.Module, normalise: Normalise) -> Backbone:
    stages = list(_stages(model))
    at = [name for name, _ in stages].index(spec.suffix_from)
    model.requires_grad_(False)
    prefix, suffix = (
        nn.Sequential(OrderedDict((_flat(name), module) for name, module in part)).eval()
        for part in (stages[:at], stages[at:])
    )
    names = {
        name: f"{'prefix' if i < at else 'suffix'}.{_flat(name)}"
        for i, (name, _) in enumerate(stages)
    }
    return Backbone(spec, normalise, prefix, suffix, names)


def _stages(model: nn.Module, path: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The feature modules in order of execution, nested Sequentials opened, the top left out."""
    for name, child in model.named_children():
        if (path == "" and name in _TOP) or isinstance(child, nn.Identity):
            continue
        if type(child) is nn.Sequential:
            yield from _stages(child, f"{path}{name}.")
        else:
            yield f"{path}{name}", child


def _flat(name: str) -> str:
    return name.replace(".", "_")
