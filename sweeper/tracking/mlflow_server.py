"""MLflow: an experiment with a run for the sweep, and below it one for each trial."""

from __future__ import annotations

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sweeper.tracking.tracker import CellResult, Curve, Entry, State, TrialName, points

_PARENT = "parent"
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
"""A server that does not answer must not hold up the trials for minutes."""
_AT_ONCE = 900  # metrics in one request; the server takes 1000


class MLflow:
    """A client of a tracking server. `state`: the run of the sweep, and of each trial."""

    def __init__(self, target: str, run: str, state: State) -> None:
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        self.state = state
        self._client = MlflowClient(tracking_uri=target)
        found = self._client.get_experiment_by_name(run)
        self._experiment = found.experiment_id if found else self._client.create_experiment(run)
        if _PARENT not in state:
            state[_PARENT] = self._new(run, {})

    def epochs(self, trial: TrialName, first: int, curve: Curve) -> None:
        rows = [
            (name, value, number)
            for number, epoch in points(first, curve)
            for name, value in epoch.items()
        ]
        self._log(self._of(trial), rows)

    def cell(self, result: CellResult) -> None:
        run = self._of(result.champion)
        self._log(run, [(f"test_{name}", value, 0) for name, value in result.metrics.items()])
        self._client.set_tag(run, "champion", result.champion.cell)
        with TemporaryDirectory() as folder:
            file = Path(folder, result.weights_file)
            file.write_bytes(result.weights)
            self._client.log_artifact(run, str(file), "model")

    def page(self, page: Path) -> None:
        self._client.log_artifact(self.state[_PARENT], str(page), "report")

    def close(self) -> None:
        for run in self.state.values():
            self._client.set_terminated(run)

    def _of(self, trial: TrialName) -> str:
        """The trial's run, made the first time."""
        if trial.key not in self.state:
            run = self._new(trial.text, {"mlflow.parentRunId": self.state[_PARENT]})
            for name, value in {"cell": trial.cell, **trial.hyperparameters}.items():
                self._client.log_param(run, name, value)
            self.state[trial.key] = run
        return str(self.state[trial.key])

    def _new(self, name: str, tags: dict[str, str]) -> str:
        run = self._client.create_run(self._experiment, run_name=name, tags=tags)
        return str(run.info.run_id)

    def _log(self, run: str, rows: list[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics: list[Any] = [Metric(name, value, now, step) for name, value, step in rows]
        for start in range(0, len(metrics), _AT_ONCE):
            self._client.log_batch(run, metrics=metrics[start : start + _AT_ONCE])


def _errors() -> tuple[type[Exception], ...]:
    from mlflow.exceptions import MlflowException

    return (MlflowException,)


ENTRY = Entry(
    "mlflow",
    "Address of an MLflow tracking server that gets the run",
    "mlflow",
    "mlflow",
    MLflow,
    _errors,
)
