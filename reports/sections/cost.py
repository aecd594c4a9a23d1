"""The cost of the run by stage and by backbone, and the time saved by the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from reports import wording
from reports.run import Row, Run
from reports.savings import distinct_trials, measured_passes, savings
from reports.sections import trade
from reports.sections.section import of_run


@dataclass(frozen=True)
class Stage:
    name: str
    backbone: str
    time: str
    width: str  # percent of the longest stage
    made: str
    reused: str


@dataclass(frozen=True)
class BackboneCost:
    """One backbone's device time in all, whenever it was spent."""

    name: str
    parameters: str
    gmacs: str
    extraction: str
    training: list[str]  # by strategy
    device: str
    cells: str
    per_cell: str
    saved: str


@dataclass(frozen=True)
class Cost:
    stages: list[Stage]
    total: str
    trials: str
    training: str
    device: str
    waiting: str  # share of that, waiting for the next batch
    strategies: list[str]  # the titles of the strategies
    backbones: list[BackboneCost]
    saved: str  # in words, with how it is computed; empty where no pass was measured
    trade: trade.Trade | None


def cost_of(run: Run) -> Cost | None:
    """None when run.json lists no stages."""
    stages = run.info.get("stages", [])
    if not stages:
        return None
    trials = run.info.get("trials", {})
    trained = distinct_trials(run)
    wall_s = float(trained["wall_s"].sum())
    waited_s = float((trained["wall_s"] * trained["data_wait"]).sum())
    return Cost(
        stages=_stages(stages),
        total=wording.seconds(sum(float(stage["seconds"]) for stage in stages)),
        trials=", ".join(
            f"{wording.count(trials[name])} {name}"
            for name in ("planned", "done", "stopped", "failed", "reused")
            if name in trials
        ),
        training=wording.seconds(wall_s),
        device=_hours(_device_s(run, trained)),
        waiting=f"{100 * waited_s / wall_s:.0f}" if wall_s else "0",
        strategies=[wording.strategy(name) for name in run.strategies],
        backbones=_backbones(run, trained),
        saved=_saved(run),
        trade=trade.trade_of(run),
    )


def _stages(stages: Sequence[Row]) -> list[Stage]:
    longest = max(float(stage["seconds"]) for stage in stages) or 1.0
    return [
        Stage(
            name=stage["stage"],
            backbone=stage.get("backbone", ""),
            time=wording.seconds(float(stage["seconds"])),
            width=f"{100 * float(stage['seconds']) / longest:.1f}",
            made=wording.count(stage["made"]),
            reused=wording.count(stage["reused"]),
        )
        for stage in stages
    ]


def _device_s(run: Run, trials: pd.DataFrame) -> float:
    """Seconds of one device: a GPU by the share that a trial was given, else a processor core."""
    share = run.info.get("config", {}).get("resources", {}).get("gpus_per_trial") or 1.0
    on_gpu = ~trials["device"].fillna("").isin(["", "cpu"])
    devices = trials["workers"].fillna(1) * on_gpu.map({True: float(share), False: 1.0})
    return float((trials["wall_s"] * devices).sum())


def _hours(seconds: float) -> str:
    return wording.seconds(seconds) if seconds < 360 else f"{seconds / 3600:.2f} h"


def _backbones(run: Run, trained: pd.DataFrame) -> list[BackboneCost]:
    passes = measured_passes(run)
    saved = {one.backbone: one.saved for one in savings(run)}
    rows = []
    for name in run.backbones:
        about = run.info.get("backbones", {}).get(name, {})
        own = trained[trained["backbone"] == name]
        parts = [_device_s(run, own[own["strategy"] == s]) for s in run.strategies]
        spent = passes[name].seconds if name in passes else 0.0
        cells = sum(row["backbone"] == name for row in run.cells)
        whole = sum(parts) + spent
        rows.append(
            BackboneCost(
                name=name,
                parameters=wording.millions(about.get("parameters")),
                gmacs=wording.decimal(about.get("gmacs"), 2),
                extraction=_hours(spent) if name in passes else wording.NONE,
                training=[_hours(part) for part in parts],
                device=_hours(whole),
                cells=wording.count(cells),
                per_cell=_hours(whole / max(1, cells)),
                saved=_hours(saved[name]) if saved.get(name, 0) > 0 else wording.NONE,
            )
        )
    return rows


def _saved(run: Run) -> str:
    found = savings(run)
    if not found:
        return ""
    spent = sum(one.spent for one in found)
    without = wording.listed(
        f"{_hours(sum(one.without[name] for one in found))} for {wording.strategy(name)} cells"
        for name in run.strategies
    )
    bound = (
        " (an upper bound for fine-tuned cells, whose trials run the last block in any case)"
        if "finetune" in run.strategies
        else ""
    )
    return (
        f"Each backbone ran once over every row, which took {_hours(spent)} of process time in "
        "total. Running it in every trial and epoch, at the time per row measured in that pass, "
        f"would have taken {without}{bound}. This is an estimate from measured times."
    )


SECTION = of_run(
    "cost",
    "Cost",
    "cost.html.j2",
    cost_of,
    "Configurations below the line of the Pareto front cost more than another one that is at "
    "least as accurate.",
)
