"""What the run cost: seconds by stage and backbone, and what was found in the store instead."""

from __future__ import annotations

from dataclasses import dataclass

from reports import wording
from reports.run import Run


@dataclass(frozen=True)
class Stage:
    name: str
    backbone: str
    time: str
    width: str  # percent of the longest stage
    made: str
    reused: str


@dataclass(frozen=True)
class Cost:
    stages: list[Stage]
    total: str
    trials: str
    training: str
    waiting: str  # share of that, waiting for the next batch


def build(run: Run) -> Cost | None:
    """None when run.json lists no stages."""
    stages = run.info.get("stages", [])
    if not stages:
        return None
    longest = max(float(stage["seconds"]) for stage in stages) or 1.0
    trials = run.info.get("trials", {})
    trained = run.tables["trials"]
    wall_s = float(trained["wall_s"].sum())
    waited_s = float((trained["wall_s"] * trained["data_wait"]).sum())
    return Cost(
        stages=[
            Stage(
                name=stage["stage"],
                backbone=stage.get("backbone", ""),
                time=wording.seconds(float(stage["seconds"])),
                width=f"{100 * float(stage['seconds']) / longest:.1f}",
                made=wording.count(stage["made"]),
                reused=wording.count(stage["reused"]),
            )
            for stage in stages
        ],
        total=wording.seconds(sum(float(stage["seconds"]) for stage in stages)),
        trials=", ".join(
            f"{wording.count(trials[name])} {name}"
            for name in ("planned", "done", "stopped", "failed", "reused")
            if name in trials
        ),
        training=wording.seconds(wall_s),
        waiting=f"{100 * waited_s / wall_s:.0f}" if wall_s else "0",
    )
