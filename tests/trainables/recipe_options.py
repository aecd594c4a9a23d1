"""A value of every hyperparameter that differs from its neutral one."""

from typing import Any

OTHER_VALUES: dict[str, Any] = {
    "lr": 0.003,
    "batch_size": 5,
    "hidden": (6,),
    "optimizer": "sgd",
    "momentum": 0.5,
    "weight_decay": 0.3,
    "head_weight_decay": 2.0,
    "schedule": "cosine",
    "warmup": 0.25,
    "layer_decay": 0.1,
    "group_decay": 0.5,
    "batchnorm": "frozen",
    "dropout": 0.5,
    "label_smoothing": 0.1,
    "focal_gamma": 2.0,
    "class_weights": "balanced",
    "effective_beta": 0.9,
    "sampling": "balanced",
    "mixup": 0.4,
    "clip_norm": 0.5,
    "ema": 0.8,
    "patience": 2,
}
