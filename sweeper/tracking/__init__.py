"""Experiment trackers: a run's curves, results, page and models, where a team already looks.

    tracker      what a tracker does, and the names of things
    tensorboard, mlflow_server, wandb_project   one tracker each
    journal      what has been logged, so that a resumed run logs nothing twice
    tracking     a run's trackers

A new tracker is a module with an entry, and a line here. Its package is imported when it is opened.
"""

from __future__ import annotations

from sweeper.tracking import mlflow_server, tensorboard, wandb_project
from sweeper.tracking.tracker import Entry

TRACKERS: dict[str, Entry] = {
    one.name: one for one in (tensorboard.ENTRY, mlflow_server.ENTRY, wandb_project.ENTRY)
}
"""By the key of `tracking` that asks for it."""
