"""Weights & Biases: one run of a project; each trial's curves are charts of their own.

`WANDB_MODE=offline` writes to the folder `wandb/`, from where `wandb sync` sends it.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory

from sweeper.tracking.tracker import CellResult, Curve, Entry, State, TrialName, points

_ID = "id"


class WandB:
    """A run of W&B. `state`: its id, under which a resumed run goes on."""

    def __init__(self, target: str, run: str, state: State) -> None:
        import wandb

        self.state = state
        state.setdefault(_ID, secrets.token_hex(8))
        self._wandb = wandb
        self._run = wandb.init(project=target, name=run, id=state[_ID], resume="allow")

    def epochs(self, trial: TrialName, first: int, curve: Curve) -> None:
        epoch_of = f"{trial.text}/epoch"
        self._run.define_metric(f"{trial.text}/*", step_metric=epoch_of)
        for number, epoch in points(first, curve):
            values = {f"{trial.text}/{name}": value for name, value in epoch.items()}
            self._run.log({epoch_of: number, **values})

    def cell(self, result: CellResult) -> None:
        champion = result.champion
        summary = {f"{champion.cell}/test_{name}": one for name, one in result.metrics.items()}
        drawn = {f"{champion.cell}/{k}": str(v) for k, v in champion.hyperparameters.items()}
        self._run.summary.update({**summary, **drawn})
        model = self._wandb.Artifact(f"model-{champion.key}", type="model")
        self._add(model, result.weights_file, result.weights)

    def page(self, page: Path) -> None:
        report = self._wandb.Artifact("report", type="report")
        self._add(report, page.name, page.read_bytes())

    def close(self) -> None:
        self._run.finish()

    def _add(self, artifact: object, name: str, content: bytes) -> None:
        with TemporaryDirectory() as folder:
            file = Path(folder, name)
            file.write_bytes(content)
            artifact.add_file(str(file))  # type: ignore[attr-defined]
        self._run.log_artifact(artifact)


def _errors() -> tuple[type[Exception], ...]:
    from wandb.errors import Error

    return (Error,)


ENTRY = Entry(
    "wandb", "Project at Weights & Biases that gets the run", "wandb", "wandb", WandB, _errors
)
