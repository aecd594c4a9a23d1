"""The learning curves of all trials of a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from reports import wording
from reports.figures.curves import Curve, learning_curves
from reports.run import Row


@dataclass(frozen=True)
class Curves:
    """Both charts, and what they hold in words."""

    accuracy: Markup
    loss: Markup
    caption: str


def curves_of(row: Row, trials: Sequence[Row], curves: Mapping[str, pd.DataFrame]) -> Curves | None:
    """None for a cell of which no trial has two epochs. `curves`: the table's rows by trial."""
    drawn = [trial for trial in trials if len(curves.get(trial["trial"], ())) > 0]
    if all(len(curves[trial["trial"]]) < 2 for trial in drawn):
        return None
    frames = [curves[trial["trial"]].sort_values("epoch") for trial in drawn]
    rungs = _rungs(drawn)

    def chart(title: str, metric: str, share: bool) -> Markup:
        lines = [
            curve_of(row, trial, frame, metric) for trial, frame in zip(drawn, frames, strict=True)
        ]
        return learning_curves(lines, title, share=share, rungs=rungs)

    return Curves(
        accuracy=chart("Accuracy", "accuracy", True),
        loss=chart("Loss", "loss", False),
        caption=_caption(drawn, rungs),
    )


def _rungs(trials: Sequence[Row]) -> list[int]:
    return sorted({int(rung) for trial in trials for rung in trial["rungs"]})


def _caption(trials: Sequence[Row], rungs: Sequence[int]) -> str:
    if not rungs:
        return "Trials were not stopped early."
    stopped = sorted(int(trial["epochs"]) for trial in trials if trial["state"] == "stopped")
    at = f"Rungs at epochs {_listed(rungs)}"
    if not stopped:
        return f"{at}: no trial was stopped."
    return f"{at}: {len(stopped)} of {len(trials)} trials stopped, after {_listed(stopped)} epochs."


def _listed(values: Sequence[int]) -> str:
    """1, 2 and 4; each once."""
    return wording.listed(str(value) for value in dict.fromkeys(values))


def curve_of(row: Row, trial: Row, frame: pd.DataFrame, metric: str) -> Curve:
    """A trial's curve of 'accuracy' or 'loss'. `frame`: its rows of `curves`, by epoch."""
    return Curve(
        epochs=[float(value) for value in frame["epoch"]],
        train=[float(value) for value in frame[f"train_{metric}"]],
        val=[float(value) for value in frame[f"val_{metric}"]],
        champion=trial["trial"] == row["champion"],
        stopped=trial["state"] == "stopped",
        best_epoch=trial["best_epoch"],
    )
