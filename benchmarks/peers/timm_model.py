"""The timm network of a task with its weights, for contenders that build it themselves."""

from __future__ import annotations

from typing import Any

import timm
import torch
from safetensors.torch import load_file
from torch import nn

from benchmarks.peers.task import Task


def network(task: Task, classes: int) -> nn.Module:
    """The pretrained network with a new classifier; 0 classes: its pooled features."""
    torch.manual_seed(task.seed)
    model: nn.Module = timm.create_model(task.model, num_classes=classes, **task.model_args)
    about: Any = model.default_cfg
    classifier, given, own = f"{about['classifier']}.", load_file(task.weights), model.state_dict()
    model.load_state_dict({k: v if k.startswith(classifier) else given[k] for k, v in own.items()})
    return model
