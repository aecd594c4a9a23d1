"""The registry: the paper's five backbones with their cuts, and where weights may come from.

Every other timm model is described by `trainables.timm_models`, without an entry here.

The paper fine-tunes "the last 20 layers" of the Keras models. About ten of those belong to the
head, so about ten are left for the backbone: its last block, which is what `suffix_from` names
here.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

# Of explanations: the methods, what an image is compared with, and the score that is explained.
METHODS = ("integrated_gradients", "grad_cam", "attention_rollout", "occlusion")
BASELINES = ("black", "mean", "blurred", "random")
SCORES = ("log_probability", "logit", "probability")


class WeightsError(ValueError):
    """Weights or a network that cannot be had; the message is one line for the user."""


@dataclass(frozen=True)
class BackboneSpec:
    """A network and its cut: all that builds it but its weights, in plain values."""

    name: str  # as the grid names it
    title: str
    timm_name: str  # architecture and pretrained tag, as timm spells it
    suffix_from: str  # dotted name of the first trained module; "": the network cannot be cut
    suffix_text: str
    smallest_input: int = 32  # pixels; below it the last feature map vanishes
    image_size: int = 224  # pixels; in the registry that of the weights, in a plan the run's
    own_pooling: bool = False  # the suffix ends with timm's `forward_head(pre_logits=True)`
    built_for_size: bool = False  # built for `image_size`, which is not the size of its weights

    @property
    def is_cut(self) -> bool:
        return bool(self.suffix_from)

    @property
    def size_arguments(self) -> dict[str, Any]:
        """timm's argument that builds the network for another size of images."""
        return {"img_size": self.image_size} if self.built_for_size else {}

    @property
    def seeded_by(self) -> str:
        """What seeds random weights: the content, but for the paper's five, whose names stand in
        the stores that there are."""
        known = BACKBONES.get(self.name)
        return self.name if known and known.timm_name == self.timm_name else self.timm_name


BACKBONES: dict[str, BackboneSpec] = {
    spec.name: spec
    for spec in (
        BackboneSpec(
            "efficientnetb3",
            "EfficientNet-B3",
            "tf_efficientnet_b3.aa_in1k",
            "blocks.6.1",
            "blocks.6.1 (last MBConv block), conv_head and bn2",
            image_size=300,
        ),
        BackboneSpec(
            "resnet50",
            "ResNet50",
            "resnet50.tv_in1k",
            "layer4.2",
            "layer4.2 (last bottleneck block)",
        ),
        BackboneSpec(
            "vgg16",
            "VGG16",
            "vgg16.tv_in1k",
            "features.24",
            "features.24 to features.30 (block 5: three convolutions and the pooling)",
        ),
        BackboneSpec(
            "mobilenet",
            "MobileNet V1",
            "mobilenetv1_100.ra4_e3600_r224_in1k",
            "blocks.4.1",
            "blocks.4.1 (last depthwise separable block)",
        ),
        BackboneSpec(
            "inceptionv3",
            "Inception V3",
            "inception_v3.tf_in1k",
            "Mixed_7c",
            "Mixed_7c (last inception block)",
            smallest_input=75,
            image_size=299,
        ),
    )
}


@dataclass(frozen=True)
class Weights:
    """Where a backbone's weights come from.

    Written `imagenet` (timm's own for the tag, from the hub), `none` (random), the path of a
    safetensors file, or that of a folder downloaded from the hub (config.json and
    model.safetensors). timm's arguments may follow a path: `mobilenet.safetensors?pad_type=same`.
    The arguments `mean` and `std` (0..1; one number, or three with commas) set another input scale.
    """

    source: str  # "imagenet", "none" or a path
    model_args: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Weights:
        source, _, query = text.partition("?")
        return cls(source, tuple(sorted(parse_qsl(query, strict_parsing=bool(query)))))

    def located(self, timm_name: str) -> Weights:
        """The same, where a folder from the hub is given as its file, with its input scale.

        Raises WeightsError for a folder of another network, or that is not such a folder.
        """
        if self.is_random or self.is_hub or not self.path.is_dir():
            return self
        known, given = _read_snapshot(self.path), self.stated_input
        found, wanted = str(known.get("architecture", "")), timm_name.partition(".")[0]
        if found and found != wanted:
            raise WeightsError(f"weights '{self.source}': those of {found}, not of {wanted}")
        scale = {
            name: ",".join(map(str, given[name]))
            for name in ("mean", "std")
            if isinstance(given.get(name), list)
        }
        args = tuple(sorted({**scale, **dict(self.model_args)}.items()))
        return replace(self, source=str(self.path / SNAPSHOT_FILE), model_args=args)

    @property
    def stated_input(self) -> dict[str, Any]:
        """timm's description of the input, as a folder from the hub states it; else empty."""
        if self.is_random or self.is_hub or not self.path.is_dir():
            return {}
        known = _read_snapshot(self.path)
        return dict(known.get("pretrained_cfg", known))

    @property
    def label(self) -> str:
        """The `weights` column of the tables: `imagenet`, `none` or `file:<name>`."""
        if self.is_random or self.is_hub:
            return self.source
        path = Path(self.source)
        return f"file:{path.parent.name if path.name == SNAPSHOT_FILE else path.name}"

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

    @property
    def path(self) -> Path:
        """The weights' file."""
        try:
            return Path(self.source).expanduser()
        except RuntimeError:  # ~name of nobody
            return Path(self.source)

    def _file_hash(self) -> str:
        path = self.path
        if not path.is_file():
            raise WeightsError(
                f"weights '{self.source}': no such file; give imagenet, none, or the path of a "
                "safetensors file or of a folder from the hub"
            )
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


SNAPSHOT_FILE = "model.safetensors"  # of a folder from the hub, beside config.json


def _read_snapshot(folder: Path) -> dict[str, Any]:
    """The contents of config.json."""
    try:
        known = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if not isinstance(known, dict) or not (folder / SNAPSHOT_FILE).is_file():
            raise ValueError
    except (OSError, ValueError):
        raise WeightsError(
            f"weights '{folder}': a folder from the hub has config.json and {SNAPSHOT_FILE}; "
            "give such a folder or a safetensors file"
        ) from None
    return known
