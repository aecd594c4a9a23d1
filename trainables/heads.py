"""The classification head on top of a backbone, as in the paper's published code.

Global max (or average) pooling -> BatchNorm -> Dropout 0.2 -> per hidden layer (Linear, ReLU,
Dropout 0.1, BatchNorm) -> Linear. A draw may set another dropout. BatchNorm has Keras' defaults:
eps 1e-3, momentum 0.99, which is 0.01 in torch's convention.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

POOLINGS = ("max", "avg", "model")


class GlobalPool(nn.Module):
    """(B, C, h, w) -> (B, C), float32. With `model` the backbone has pooled: (B, C) -> (B, C)."""

    def __init__(self, pooling: str) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling={pooling!r}: expected one of {', '.join(POOLINGS)}")
        self.pooling = pooling

    def forward(self, features: Tensor) -> Tensor:
        if self.pooling == "model":
            return features.float()
        pooled = features.amax((2, 3)) if self.pooling == "max" else features.mean((2, 3))
        return pooled.float()


def build_head(
    feature_dim: int, hidden: Sequence[int], classes: int, dropout: float = 0.2
) -> nn.Sequential:
    """Build a head, pooled features (B, feature_dim) -> logits (B, classes).

    `dropout` applies to its inputs, half of it to each hidden layer.

    Initialised with torch's global generator: seed it first.
    """
    layers: list[nn.Module] = [_batchnorm(feature_dim), nn.Dropout(dropout)]
    width = feature_dim
    for units in hidden:
        layers += [nn.Linear(width, units), nn.ReLU(), nn.Dropout(dropout / 2), _batchnorm(units)]
        width = units
    layers.append(nn.Linear(width, classes))
    head = nn.Sequential(*layers)
    head.apply(_keras_init)
    return head


def _batchnorm(width: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(width, eps=1e-3, momentum=0.01)


def _keras_init(module: nn.Module) -> None:
    """Keras' Dense default: Glorot uniform weights, zero biases."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
