"""The registry: the five backbones, where each is cut, and where weights may come from.

The paper fine-tunes "the last 20 layers" of the Keras models. About ten of those belong to the
head, so about ten are left for the backbone: its last block, which is what `suffix` names here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

# Of Integrated Gradients: what an image is compared with, and the score that is explained.
BASELINES = ("black", "mean", "blurred", "random")
SCORES = ("log_probability", "logit", "probability")


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
    gmacs: float  # multiply-adds of one image of 224 px, in 1e9


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
            1.0,
        ),
        BackboneSpec(
            "resnet50",
            "ResNet50",
            "resnet50.tv_in1k",
            "layer4.2",
            "layer4.2 (last bottleneck block)",
            32,
            4.1,
        ),
        BackboneSpec(
            "vgg16",
            "VGG16",
            "vgg16.tv_in1k",
            "features.24",
            "features.24 to features.30 (block 5: three convolutions and the pooling)",
            32,
            15.4,
        ),
        BackboneSpec(
            "mobilenet",
            "MobileNet V1",
            "mobilenetv1_100.ra4_e3600_r224_in1k",
            "blocks.4.1",
            "blocks.4.1 (last depthwise separable block)",
            32,
            0.6,
        ),
        BackboneSpec(
            "inceptionv3",
            "Inception V3",
            "inception_v3.tf_in1k",
            "Mixed_7c",
            "Mixed_7c (last inception block)",
            75,
            2.9,
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
                f"weights '{self.source}': no such file; "
                "give imagenet, none or the path of a safetensors file"
            )
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
