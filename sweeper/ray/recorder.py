"""Record the trials of a Tune run that cannot record themselves, and collect those to retry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from sweeper.plan.trial_spec import TrialSpec
from sweeper.ray.asha import CellAsha
from sweeper.ray.failures import Attempts
from sweeper.run.kept_states import discard_states
from sweeper.store.records import done_record, write_record
from sweeper.store.refusals import raise_refusal
from sweeper.store.store import Store

OnCurve = Callable[[TrialSpec, list[dict[str, Any]]], None]


class Recorder(tune.Callback):
    """Records trials that were stopped or died; calls `on_end` with each trial's key and state.

    A trial that died and may be retried is not recorded; `to_repeat` returns it.
    """

    def __init__(
        self,
        specs: Mapping[str, TrialSpec],
        scheduler: CellAsha,
        on_end: Callable[[str, str], None],
        retries: int,
        on_curve: OnCurve | None = None,
    ) -> None:
        self.on_curve = on_curve
        self.specs, self.scheduler, self.on_end = specs, scheduler, on_end
        self.attempts = Attempts(retries)
        self.curves: dict[str, list[Mapping[str, Any]]] = {}
        self.failed: set[str] = set()
        self.diverged: set[str] = set()
        self._repeat: list[str] = []

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune pickles callbacks to restore a run; we restore from the store

    def to_repeat(self) -> dict[str, TrialSpec]:
        """The trials that have died since the last call and are to be retried."""
        keys, self._repeat = self._repeat, []
        return {key: self.specs[key] for key in keys}

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        key = trial.config["trial"]["key"]
        self.curves[key] = result["curve"]
        if self.on_curve is not None:
            self.on_curve(self.specs[key], result["curve"])
        if result["failed"]:
            self.failed.add(key)
        if not result["finite"]:
            self.diverged.add(key)

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        key = trial.config["trial"]["key"]
        if key in self.scheduler.stopped:
            state = "failed" if key in self.diverged else "stopped"
            self._record(key, state, self.scheduler.stopped[key])
        else:
            self.on_end(key, "failed" if key in self.failed else "done")

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        key, error = trial.config["trial"]["key"], _error_of(trial)
        raise_refusal(error)  # every other trial would be refused as well
        if done_record(Store(self.specs[key].store), key):  # it died after its last write
            self.on_end(key, "done")
        elif self.attempts.again(key, error):
            self._repeat.append(key)
        else:
            self._record(key, "failed", self.attempts.report(key, error))

    def _record(self, key: str, state: str, reason: str) -> None:
        spec = self.specs[key]
        store = Store(spec.store)
        curve = self.curves.get(key, [])
        write_record(store, **spec.identity, state=state, curve=curve, error=reason)
        discard_states(store, spec)
        self.on_end(key, state)


def _error_of(trial: Trial) -> str:
    """The text of a trial's error, from the file that Tune writes first: `Trial.get_error` reads
    the run's storage, which may lag behind, and then returns None. "" if there is none."""
    file = Path(trial.error_file) if trial.error_file else None
    return file.read_text() if file and file.is_file() else str(trial.get_error() or "")
