"""Small networks of several families, as a run builds them: from pixels to logits."""

from dataclasses import replace

import torch
from torch import nn

from trainables.backbones import build_backbone
from trainables.cuts import resolve
from trainables.explain import Score
from trainables.finetune import FinetuneModule, feature_dim, with_backbone, with_prefix
from trainables.registry import BackboneSpec
from trainables.timm_models import full_name

CLASSES = 3


def network(name: str, side: int, pooling: str = "avg", is_tuned: bool = False) -> Score:
    """The network of a transfer trial, or of a fine-tuned one, with random weights."""
    spec = BackboneSpec(name, name, full_name(name), "", "", image_size=side)
    spec = resolve(replace(spec, own_pooling=pooling == "model"), "last", {})
    backbone = build_backbone(spec)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = nn.Linear(feature_dim(backbone), CLASSES)
    if not is_tuned:
        return Score(with_backbone(backbone, pooling, head), "logit")
    tuned = FinetuneModule(backbone.suffix, pooling, head)
    return Score(with_prefix(backbone, tuned), "logit")
