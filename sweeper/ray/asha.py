"""ASHA inside a cell, as a Tune scheduler: bad hyperparameters are stopped early, never a cell.

`sweeper.plan.rungs` has the rungs and the decision. Draw 0 is never stopped. A loss that is not
finite stops any trial.

Which trial reaches a rung first depends on which trials run concurrently, so early stopping may
decide differently when a run is repeated or resumed. With `search.scheduler: none` it cannot.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from sweeper.plan.rungs import CellRungs


class CellAsha(FIFOScheduler):
    """`CellRungs` as a Tune scheduler; without rungs it only stops trials that diverge.

    A trial's config has `trial` with its `key` and `spec`; its results have `epoch`,
    `best_val_score` and `finite`. `stopped` maps the keys of stopped trials to the reason.
    """

    def __init__(self, rungs: CellRungs | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rungs = rungs
        self.stopped: dict[str, str] = {}

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: Mapping[str, Any]) -> str:
        key, spec = trial.config["trial"]["key"], trial.config["trial"]["spec"]
        epoch, score = result["epoch"], result["best_val_score"]
        if not (result["finite"] and math.isfinite(score)):
            return self._stop(key, f"loss not finite in epoch {epoch}")
        worse = self.rungs is not None and self.rungs.stops(spec["cell"], key, epoch, score)
        if worse and spec["draw"] > 0 and epoch >= spec["grace_epochs"]:
            return self._stop(key, f"stopped by ASHA at epoch {epoch}")
        return str(TrialScheduler.CONTINUE)

    def _stop(self, key: str, reason: str) -> str:
        self.stopped[key] = reason
        return str(TrialScheduler.STOP)
