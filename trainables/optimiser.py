"""Build a draw's optimiser, and set its learning rate step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from torch import nn, optim

from trainables.hyperparameters import value_of

_KERAS_EPSILON = 1e-7
_CYCLE_RISES = 0.3  # share of the steps, and the two factors below: torch's OneCycleLR
_CYCLE_STARTS = 1 / 25  # of the highest rate
_CYCLE_ENDS = 1 / 25 / 1e4


@runtime_checkable
class Layered(Protocol):
    """A module whose layers may train at different rates."""

    def layer_groups(self) -> list[list[nn.Parameter]]:
        """Its parameters in groups of layers, from the input to the output."""


def build_optimiser(module: nn.Module, values: Mapping[str, Any]) -> optim.Optimizer:
    """The optimiser of a draw for the parameters of `module` that require a gradient.

    Each of its groups has a `factor`, by which its learning rate differs from the draw's: see
    `layer_decay` and `group_decay`. Weight decay leaves out biases and the parameters of
    normalisation layers; that of the head is for parameters named `head.*`, as a trial's network
    has them.
    """
    lr, decay = values["lr"], _decay_of(module, values)
    groups = [
        {"params": chosen, "lr": lr * factor, "factor": factor, "weight_decay": own_decay}
        for factor, parameters in _by_rate(module, values)
        for own_decay, chosen in _by_decay(parameters, decay)
    ]
    match value_of(values, "optimizer"):
        case "sgd":
            momentum = value_of(values, "momentum")
            return optim.SGD(groups, momentum=momentum, nesterov=momentum > 0, fused=True)
        case "adamw":
            return optim.AdamW(groups, fused=True)
        case _:
            return optim.Adam(groups, eps=_KERAS_EPSILON, fused=True)


def _by_rate(
    module: nn.Module, values: Mapping[str, Any]
) -> list[tuple[float, list[nn.Parameter]]]:
    """Parameters with the factor of their learning rate, those of the head last, with 1.

    With d = 0 for the head, 1 for the group of layers before it and so on, the factor is
    layer_decay ** min(d, 2) * group_decay ** max(d - 2, 0): with the same value for both it is the
    layer-wise decay of BEiT (arXiv:2106.08254) and of timm.
    """
    layer_decay, group_decay = (value_of(values, f"{name}_decay") for name in ("layer", "group"))
    layered = next((part for part in module.modules() if isinstance(part, Layered)), None)
    if layered is None or layer_decay == group_decay == 1:
        return [(1.0, _trained(list(module.parameters())))]
    groups = [trained for group in layered.layer_groups() if (trained := _trained(group))]
    by_factor: dict[float, list[nn.Parameter]] = {}
    for distance, group in zip(range(len(groups) - 1, -1, -1), groups, strict=True):
        factor = layer_decay ** min(distance, 2) * group_decay ** max(distance - 2, 0)
        by_factor.setdefault(factor, []).extend(group)
    return list(by_factor.items())


def _decay_of(module: nn.Module, values: Mapping[str, Any]) -> dict[nn.Parameter, float]:
    """The weight decay of each parameter that has one."""
    decay, further = value_of(values, "weight_decay"), value_of(values, "head_weight_decay")
    found = {
        parameter: decay + further * name.removeprefix("module.").startswith("head.")
        for name, parameter in module.named_parameters()
        if parameter.ndim > 1
    }
    return {parameter: own for parameter, own in found.items() if own}


def _by_decay(
    parameters: list[nn.Parameter], decay: Mapping[nn.Parameter, float]
) -> list[tuple[float, list[nn.Parameter]]]:
    """Parameters with their weight decay, matrices first."""
    found: dict[float, list[nn.Parameter]] = {own: [] for own in (*decay.values(), 0.0)}
    for parameter in parameters:
        found[decay.get(parameter, 0.0)].append(parameter)
    return [(own, chosen) for own, chosen in found.items() if chosen]


def _trained(parameters: list[nn.Parameter]) -> list[nn.Parameter]:
    return [one for one in parameters if one.requires_grad]


class Schedule:
    """Sets the learning rate before each of a training's steps."""

    def __init__(
        self, optimiser: optim.Optimizer, values: Mapping[str, Any], total_steps: int
    ) -> None:
        """`total_steps`: of a training that nothing ends early. Later steps keep the last rate."""
        self.optimiser, self.total_steps, self.steps = optimiser, total_steps, 0
        self.lr = self.highest = float(values["lr"])
        self.name, self.warmup = value_of(values, "schedule"), value_of(values, "warmup")
        self._is_constant = self.name == "constant" and not self.warmup

    def advance(self) -> None:
        """Set the rate of the next step."""
        if self._is_constant:
            return
        step = min(self.steps, self.total_steps - 1)
        self.lr = self.highest * share_of_rate(self.name, step, self.total_steps, self.warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = self.lr * group["factor"]
        self.steps += 1


def share_of_rate(schedule: str, step: int, total_steps: int, warmup: float) -> float:
    """The learning rate of a step, 0 to `total_steps` - 1, as a share of the highest.

    Sources: cosine, Loshchilov and Hutter 2017 (arXiv:1608.03983, Eq. (5) without restarts); linear
    warm-up, Goyal et al. 2017 (arXiv:1706.02677); one-cycle, Smith 2018 (arXiv:1803.09820) with the
    constants and cosines of torch's `OneCycleLR`, its momentum not cycled.
    """
    if schedule == "one_cycle":
        return _one_cycle(step, total_steps)
    rising = math.ceil(warmup * total_steps)
    if step < rising:
        return (step + 1) / rising
    if schedule == "constant":
        return 1.0
    return _between(1.0, 0.0, (step - rising) / (total_steps - rising))


def _one_cycle(step: int, total_steps: int) -> float:
    top = max(_CYCLE_RISES * total_steps - 1, 1e-9)
    if step <= top:
        return _between(_CYCLE_STARTS, 1.0, step / top)
    return _between(1.0, _CYCLE_ENDS, (step - top) / (total_steps - 1 - top))


def _between(start: float, end: float, share: float) -> float:
    """Half a cosine wave from `start` to `end`."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
