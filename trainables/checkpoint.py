"""The state of a training in progress, from which another process continues it.

A training that is continued has the losses and weights of one that was not interrupted, to the bit
on CPUs of one type: the state holds everything that later steps depend on, down to the generators
of random numbers and the place in the current pass over the rows. It is tensors and plain values,
so that nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, optim

_SEPARATOR = "/"


class Checkpoint(NamedTuple):
    """`tensors` are on the CPU, named `group/name`; `values` can be written as JSON."""

    tensors: dict[str, Tensor]
    values: dict[str, Any]

    @classmethod
    def of(cls, groups: Mapping[str, Mapping[str, Tensor]], values: dict[str, Any]) -> Checkpoint:
        tensors = {
            f"{group}{_SEPARATOR}{name}": tensor.detach().cpu().clone().contiguous()
            for group, own in groups.items()
            for name, tensor in own.items()
        }
        return cls(tensors, values)

    def group(self, name: str) -> dict[str, Tensor]:
        start = f"{name}{_SEPARATOR}"
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}


class Checkpoints(Protocol):
    """Where a training keeps its state."""

    def find(self) -> Checkpoint | None:
        """The last one that was kept of this training."""

    def offer(self, make: Callable[[], Checkpoint]) -> None:
        """Called after each epoch; `make` is called if it is time to keep one."""


def optimiser_tensors(optimiser: optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser remembers of each parameter, named `number.name`."""
    return {
        f"{number}.{name}": value
        for number, own in optimiser.state_dict()["state"].items()
        for name, value in own.items()
        if value is not None
    }


def restore_optimiser(optimiser: optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Learning rates are the schedule's."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, own = name.partition(".")
        state.setdefault(int(number), {})[own] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def random_states(device: torch.device) -> dict[str, Tensor]:
    """The states of torch's generators, which dropout draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
