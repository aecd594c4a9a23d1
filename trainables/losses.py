"""The loss of a draw: cross-entropy with class weights, label smoothing and focal weighting.

It is a sum over rows; the loop divides it by the rows of the global batch. Class weights average to
1 over the training rows, so they need no other divisor, and several workers compute the gradient of
the global batch without exchanging sums of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from trainables.hyperparameters import value_of

Loss = Callable[[Tensor, Tensor], Tensor]
"""Logits (b, classes) float32 and labels (b,) int64 -> the sum over rows; rows with a label below 0
are padding and count nothing."""

_LEAST_DOUBT = 1e-6  # keeps the gradient of (1 - p)^gamma finite for gamma < 1


def build_loss(values: Mapping[str, Any], class_counts: Sequence[int] | None) -> Loss:
    """The loss of a draw. `class_counts`: training images of each class, which class weights need.

    Raises ValueError if class weights are wanted without counts.
    """
    smoothing, gamma = value_of(values, "label_smoothing"), value_of(values, "focal_gamma")
    kind = value_of(values, "class_weights")
    if kind == "none" and not (smoothing or gamma):
        return partial(functional.cross_entropy, reduction="sum")
    weights = None
    if kind != "none":
        if not class_counts:
            raise ValueError(f"class_weights={kind!r}: needs the number of images of each class")
        weights = class_weights(kind, class_counts, value_of(values, "effective_beta"))
    return partial(_loss, smoothing=smoothing, gamma=gamma, weights=weights)


def class_weights(kind: str, counts: Sequence[int], beta: float) -> Tensor:
    """Weights (classes,) float32 whose mean over the counted images is 1.

    `balanced`: n / (classes * n_c), as scikit-learn's. `effective_number`: proportional to
    (1 - beta) / (1 - beta^n_c), Cui et al. 2019 (arXiv:1901.05555, Eq. (2)).
    """
    images = torch.tensor(counts, dtype=torch.float64)
    present = images.clamp_min(1)
    weights = 1 / present if kind == "balanced" else (1 - beta) / (1 - beta**present)
    return (weights * images.sum() / (weights * images).sum()).float()


def _loss(
    logits: Tensor, labels: Tensor, smoothing: float, gamma: float, weights: Tensor | None
) -> Tensor:
    """Label smoothing: Szegedy et al. 2016 (arXiv:1512.00567, section 7), with the uniform share
    over all classes. Focal factor: Lin et al. 2017 (arXiv:1708.02002, Eq. (4)), for each class of a
    smoothed target. A row's class weight applies to its whole loss."""
    log_p = logits.log_softmax(1)
    costs = -log_p
    if gamma:
        costs = costs * (-torch.expm1(log_p)).clamp_min(_LEAST_DOUBT) ** gamma
    is_row, own = labels >= 0, labels.clamp_min(0)
    each = (1 - smoothing) * costs.gather(1, own[:, None]).squeeze(1) + smoothing * costs.mean(1)
    if weights is not None:
        each = each * weights.to(each.device)[own]
    return each[is_row].sum()
