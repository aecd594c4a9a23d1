"""Keep the state of a trial in progress in the store, so that any machine can continue it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from safetensors.torch import load, save

from sweeper.errors import DamagedError
from sweeper.plan.artifacts import checkpoint
from sweeper.plan.trial_spec import TrialSpec
from sweeper.store.store import Store
from trainables.checkpoint import Checkpoint

_DEVICE_TYPES = ("cpu", "cuda")
_WALL_S = "wall_s"  # of the training, in all processes that had it
_TENSORS, _VALUES = "tensors.safetensors", "values.json"


class KeptStates:
    """The state of one trial, written anew every `every_s` seconds, in place of the one before.

    A trial on another type of device does not continue it: it would compute otherwise.
    """

    def __init__(self, store: Store, spec: TrialSpec, device_type: str, every_s: float) -> None:
        self.store, self.every_s = store, every_s
        self.target = checkpoint(spec, device_type)
        self.earlier_s = 0.0  # that the training took in other processes
        self._kept_at = self._began_at = time.perf_counter()

    def find(self) -> Checkpoint | None:
        """The last state; None if there is none, or it is damaged."""
        artifact = self.store.find(*self.target.place)
        try:
            if artifact is None:
                return None
            values = json.loads(self.store.read(artifact, _VALUES))
            tensors = load(self.store.read(artifact, _TENSORS))
        except DamagedError:
            return None
        self.earlier_s = values[_WALL_S]
        return Checkpoint(tensors, values)

    def offer(self, make: Callable[[], Checkpoint]) -> None:
        if time.perf_counter() - self._kept_at < self.every_s:
            return
        former, state = self.store.find(*self.target.place), make()
        with self.store.writing(*self.target.content) as folder:
            self.store.write_file(f"{folder}/{_TENSORS}", save(state.tensors))
            wall_s = self.earlier_s + time.perf_counter() - self._began_at
            values = json.dumps({**state.values, _WALL_S: wall_s})
            self.store.write_file(f"{folder}/{_VALUES}", values.encode())
        if former:
            self.store.remove_files(former)
        self._kept_at = time.perf_counter()


def discard_states(store: Store, spec: TrialSpec) -> None:
    """Remove the states of a trial that is over."""
    for device_type in _DEVICE_TYPES:
        place = checkpoint(spec, device_type).place
        if store.find(*place):
            store.discard(*place)
