"""Build backbones: any timm network, cut into a frozen prefix and a trainable suffix.

spec = BACKBONES["resnet50"]
backbone = load_backbone(spec, Weights.parse("imagenet"))    # trainables.pretrained
activations = backbone.prefix(backbone.normalise(pixels))   # (B, C, h, w); tokens (B, L, C)
features = backbone.suffix(activations)                     # (B, C', h', w'), or pooled (B, C')
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from trainables.cutting import CutError, Features, first_of, flat, split, trace
from trainables.layer_groups import described_by, first_of_depth, layer_groups
from trainables.registry import BackboneSpec, WeightsError
from trainables.timm_models import built_for, input_scale

_CHECKED_BATCH = 2


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
    """A cut network. `prefix` and `suffix` are in eval mode; nothing requires a gradient.

    A network that cannot be cut has an empty prefix, which gives the pixels.
    """

    spec: BackboneSpec
    normalise: Normalise
    prefix: nn.Module
    suffix: nn.Module
    names: dict[str, str]  # timm's module or tensor name -> name here: layer4.2 -> suffix.layer4_2
    layer_groups: list[list[str]] = field(default_factory=list)  # of names in `state`

    def state(self) -> dict[str, Tensor]:
        """Every tensor once, by its name here."""
        own: dict[str, tuple[str, Tensor]] = {}
        for part, module in (("prefix", self.prefix), ("suffix", self.suffix)):
            for key, value in module.state_dict().items():
                own.setdefault(key, (f"{part}.{key}", value))
        return dict(own.values())

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Load tensors named as by `state`, also of a network that is cut elsewhere.

        Raises KeyError where one is missing.
        """
        given = {_cutless(name): value for name, value in state.items()}
        for module in (self.prefix, self.suffix):
            own = {key: given[flat(key)] for key in module.state_dict()}
            module.load_state_dict(own, assign=True)
            module.requires_grad_(False)

    @property
    def has_unstored(self) -> bool:
        """Whether it has tensors that `state` leaves out, since they follow from the architecture:
        on device `meta` they have no values."""
        stored = {key.partition(".")[2] for key in self.state()}
        parts = (self.prefix, self.suffix)
        return any(name not in stored for part in parts for name, _ in part.named_buffers())

    def local_name(self, timm_name: str) -> str | None:
        """A tensor's name in `state`, by its name in timm's model; None if it is not in use."""
        parts = timm_name.split(".")
        for end in range(len(parts), 0, -1):
            if local := self.names.get(".".join(parts[:end])):
                return ".".join([local, *parts[end:]])
        return None

    def timm_name(self, local_name: str) -> str:
        """The inverse of `local_name`."""
        own = {local: name for name, local in self.names.items()}
        parts = local_name.split(".")
        end = next(n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in own)
        return ".".join([own[".".join(parts[:end])], *parts[end:]])

    def to(self, device: torch.device) -> Backbone:
        for module in (self.normalise, self.prefix, self.suffix):
            module.to(device)
        return self


def build_backbone(
    spec: BackboneSpec, model_args: dict[str, str] | None = None, device: str = "cpu"
) -> Backbone:
    """Build the network with timm's random initialisation, seeded by the backbone's name.

    On device `meta` it has no values yet; `Backbone.load_state` fills them in.

    Raises WeightsError for arguments that timm does not take.
    """
    args = dict(model_args or {})
    scale = scale_of(spec, args)
    return cut(spec, build_model(spec, args, device), scale)


def build_model(spec: BackboneSpec, args: dict[str, str], device: str) -> nn.Module:
    """timm's network without a classifier; `args` without mean and std. Raises WeightsError."""
    import timm  # takes seconds, and most processes of a run never build a backbone

    with torch.random.fork_rng(devices=[]), torch.device(device):
        seed = hashlib.sha256(spec.seeded_by.encode()).digest()[:4]
        torch.manual_seed(int.from_bytes(seed, "big"))
        try:
            model: nn.Module = timm.create_model(
                spec.timm_name,
                pretrained=False,
                num_classes=0,
                **typed(args),
                **spec.size_arguments,
            )
        except TypeError as error:
            raise WeightsError(
                f"weights of {spec.name}: timm does not take {args}: {error}"
            ) from None
    return model


def resolve_cut(spec: BackboneSpec, depth: str, model_args: dict[str, str]) -> BackboneSpec:
    """See `trainables.cuts.resolve`, which remembers it."""
    args = dict(model_args)
    scale_of(spec, args)
    spec = replace(spec, built_for_size=built_for(spec.timm_name, spec.image_size))
    model = build_model(spec, args, "meta").eval()
    _check_size(spec, model)
    if depth == "last" and spec.suffix_from:
        return spec
    groups = layer_groups(model, _of_features(model))
    for number in range(first_of_depth(groups, depth), 0, -1):
        trained = frozenset(name for names in groups[number:] for name in names)
        features = Features(model, spec.own_pooling)
        try:
            name = first_of(trace(features, _around(groups, number)), features, trained)
            _check_parts(features, name, spec.image_size)
        except CutError:
            continue
        text = f"{name} and what follows ({_share(len(groups) - number, len(groups))}; cut by "
        text += f"{described_by(model)}, traced with torch.fx)"
        return replace(spec, suffix_from=name, suffix_text=text)
    text = "the whole network, from pixels: its graph cannot be cut"
    return replace(spec, suffix_from="", suffix_text=text)


def cut(
    spec: BackboneSpec, model: nn.Module, scale: tuple[tuple[float, ...], tuple[float, ...]]
) -> Backbone:
    """Cut timm's network as `spec` says; `scale`: input mean and standard deviation, 0..1."""
    model.requires_grad_(False).eval()
    features = Features(model, spec.own_pooling)
    prefix: nn.Module = nn.Sequential()
    suffix: nn.Module = features
    if spec.is_cut:
        prefix, suffix, names = split(features, spec.suffix_from, spec.image_size)
    else:
        own = [name for name, _ in model.named_children()]
        own += [name for name, _ in model.named_parameters(recurse=False)]
        names = {name: f"suffix.net.{name}" for name in own}
    whole = Backbone(spec, Normalise(*scale), prefix.eval(), suffix.eval(), names)
    local = [
        [found for name in names if (found := whole.local_name(name))]
        for names in layer_groups(model, _of_features(model))
    ]
    return replace(whole, layer_groups=[names for names in local if names])


@torch.no_grad()
def calibrate_batchnorm(backbone: Backbone, pixels: Tensor) -> None:
    """Make every BatchNorm of a network with random weights divide by the root mean square of its
    inputs for `pixels`, uint8 (B, 3, H, W): one number for all of its channels, as LSUV scales
    layers (Mishkin and Matas 2016, arXiv:1511.06422). All pictures are in memory at once.

    With the initial statistics features vanish or explode with depth. With the means and variances
    of each channel, as in training, small differences between pictures grow from layer to layer
    until near-copies have unrelated features (docs/how-to/offline-weights.md has numbers). It runs
    in one thread: more would sum in another order, and every activation table depends on the sums.
    """
    norms = [
        module
        for part in (backbone.prefix, backbone.suffix)
        for module in part.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
    ]
    if not norms:
        return
    hooks = [norm.register_forward_pre_hook(_scale_by_inputs) for norm in norms]
    with _one_thread():
        backbone.suffix(backbone.prefix(backbone.normalise(pixels)))
    for hook in hooks:
        hook.remove()


def _scale_by_inputs(norm: nn.Module, inputs: tuple[Tensor]) -> None:
    """Before the forward pass of a BatchNorm in eval mode."""
    assert isinstance(norm, nn.modules.batchnorm._BatchNorm)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    square = inputs[0].square().mean()
    norm.running_mean.zero_()
    norm.running_var.fill_(square if square > 0 else 1.0)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def scale_of(
    spec: BackboneSpec, args: dict[str, str]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Input mean and standard deviation in 0..1: popped from `args`, else timm's for the tag."""
    mean, std = input_scale(spec.timm_name)
    try:
        given = [
            tuple(map(float, args.pop(name).split(","))) if name in args else known
            for name, known in (("mean", mean), ("std", std))
        ]
    except ValueError:
        given = []
    if [len(one) in (1, 3) for one in given] != [True, True]:
        raise WeightsError(
            f"weights of {spec.name}: mean and std must be numbers, one or three, got {args}"
        )
    mean, std = (one * 3 if len(one) == 1 else one for one in given)
    return mean, std


def typed(args: dict[str, str]) -> dict[str, Any]:
    """Convert query-string values to the numbers and booleans that timm expects."""
    words: dict[str, Any] = {"true": True, "false": False}
    return {k: words.get(v.lower(), int(v) if v.isdigit() else v) for k, v in args.items()}


def _cutless(name: str) -> str:
    """A name of `Backbone.state` without its part, the same for every cut."""
    return flat(name.partition(".")[2])


def _of_features(model: nn.Module) -> frozenset[str]:
    """The parameters that are not those of the classifier's part, by timm's conventions."""
    names = (name for name, _ in model.named_parameters())
    return frozenset(name for name in names if name.split(".")[0] not in HEAD_MODULES)


HEAD_MODULES = frozenset(
    [
        "global_pool",
        "classifier",
        "fc",
        "fc_norm",
        "head",
        "head_dist",
        "head_drop",
        "conv_head",
        "norm_head",
        "pre_logits",
        "attn_pool",
        "AuxLogits",
    ]
)
"""timm's names of modules behind, or at the end of, the features."""


def _around(groups: list[list[str]], number: int) -> list[str]:
    """The modules that hold parameters both before and after the beginning of a group."""
    sides: dict[str, set[bool]] = {}
    for i, names in enumerate(groups):
        for name in names:
            parts = name.split(".")
            for end in range(1, len(parts)):
                sides.setdefault(".".join(parts[:end]), set()).add(i >= number)
    return [name for name, found in sides.items() if len(found) == 2]


def _share(number: int, of: int) -> str:
    return f"the last of {of} layer groups" if number == 1 else f"the last {number} of {of} groups"


@torch.no_grad()
def _check_size(spec: BackboneSpec, model: nn.Module) -> None:
    side = spec.image_size
    try:
        Features(model, spec.own_pooling)(torch.empty(1, 3, side, side, device="meta"))
    except (RuntimeError, AssertionError, ValueError, IndexError, TypeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WeightsError(
            f"preprocess.image_size={side}: {spec.name} ({spec.timm_name}) cannot process such "
            f"images ({reason}); choose another size"
        ) from None


@torch.no_grad()
def _check_parts(features: Features, suffix_from: str, side: int) -> None:
    """Raise CutError unless the parts keep the batch and give the whole network's shape."""
    pixels = torch.empty(_CHECKED_BATCH, 3, side, side, device="meta")
    try:
        prefix, suffix, _ = split(features, suffix_from, side)
        activations: Any = prefix(pixels)
        fits = isinstance(activations, Tensor) and len(activations) == len(pixels)
        fits = fits and suffix(activations).shape == features(pixels).shape
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise CutError(str(error)) from None
    if not fits:
        raise CutError(f"cut at {suffix_from}, its parts do not fit together")
