"""The ranking of a run that only probes backbones, and those worth fine-tuning.

Each backbone is represented by the probe that validation prefers for it. One is ruled out if the
interval of its difference to the best configuration (the table `comparisons`) lies below zero.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from reports.axes import configuration_name
from reports.headline import Headline, preferred, used_headline, validation_of
from reports.repeats import Repeats, fold_repeats
from reports.run import Row, Run
from reports.statistics import Interval

AT_MOST = 3
"""Backbones that are proposed; of more that cannot be told apart, the cheapest."""


@dataclass(frozen=True)
class Ranked:
    """One backbone under its preferred probe, a row for each training."""

    rows: list[Row]
    repeats: Repeats
    difference: float | None  # its test accuracy minus that of the best; None for the best
    interval: Interval | None  # of that
    gmacs: float  # multiply-adds of one image, in 1e9

    @property
    def backbone(self) -> str:
        return str(self.rows[0]["backbone"])

    @property
    def is_ruled_out(self) -> bool:
        return self.interval is not None and self.interval.high < 0


@dataclass(frozen=True)
class Screening:
    """Backbones in the order of their test accuracy, and the few to fine-tune, cheapest first."""

    best: Headline
    ranked: list[Ranked]
    proposed: list[Ranked]
    missing: list[str]  # backbones without a result
    command: str  # that fine-tunes them


def screening_of(run: Run) -> Screening | None:
    """None unless every result of the run is a probe's and several backbones have one."""
    best = used_headline(run)
    if best is None or not all(row["champion"] in run.candidates for row in run.done):
        return None
    differences = _differences(run, best)
    found = [_ranked(run, rows, differences) for rows in _representatives(run, best)]
    if len(found) < 2:
        return None
    ranked = sorted(found, key=lambda one: (-one.repeats.mean, one.backbone))
    proposed = _proposed(ranked, str(best.best["backbone"]))
    missing = [name for name in run.backbones if name not in {one.backbone for one in ranked}]
    return Screening(best, ranked, proposed, missing, _command(run, proposed))


def _representatives(run: Run, best: Headline) -> list[list[Row]]:
    """The finished cells of each backbone's preferred probe."""
    by_backbone: dict[str, list[list[Row]]] = {}
    for rows in run.configurations:
        done = [row for row in rows if row["state"] == "done" and row["accuracy"] is not None]
        if done and (done[0]["split_policy"], done[0]["scenario"]) == (best.policy, best.scenario):
            by_backbone.setdefault(done[0]["backbone"], []).append(done)
    chosen = []
    for own in by_backbone.values():
        number = preferred({i: [validation_of(row) for row in one] for i, one in enumerate(own)})
        chosen += [] if number is None else [own[number]]
    return chosen


def _differences(run: Run, best: Headline) -> dict[str, tuple[float, Interval | None]]:
    """The difference of each other configuration to the best one, by name."""
    rows = run.measured("comparisons")
    return {
        row["other"]: (
            -row["difference"],
            None if row["low"] is None else Interval(-row["high"], -row["low"]),
        )
        for row in rows
        if (row["split_policy"], row["scenario"]) == (best.policy, best.scenario)
    }


def _ranked(
    run: Run, rows: list[Row], differences: dict[str, tuple[float, Interval | None]]
) -> Ranked:
    repeats = fold_repeats(rows)
    assert repeats is not None
    difference, interval = differences.get(configuration_name(rows[0]), (None, None))
    about = run.info.get("backbones", {}).get(rows[0]["backbone"], {})
    return Ranked(rows, repeats, difference, interval, float(about.get("gmacs") or 0.0))


def _proposed(ranked: Sequence[Ranked], best: str) -> list[Ranked]:
    """The best one, and the cheapest of those that are not ruled out."""
    kept = sorted((one for one in ranked if not one.is_ruled_out), key=lambda one: one.gmacs)
    first = [one for one in kept if one.backbone == best]
    others = [one for one in kept if one.backbone != best][: AT_MOST - len(first)]
    return sorted([*first, *others], key=lambda one: one.gmacs)


def _command(run: Run, proposed: Sequence[Ranked]) -> str:
    """The command that compares them with transfer learning and fine-tuning, on these images and
    with what else the run was told."""
    names = [one.backbone for one in proposed]
    told: dict[str, Any] = run.info.get("own_settings", {})
    options = {key: value for key, value in told.items() if _concerns(key, names)}
    options["grid.backbones"] = names
    given = [f"--set {shlex.quote(f'{key}={_yaml(own)}')}" for key, own in options.items()]
    return " ".join(["python sweep.py run default", *given])


def _concerns(key: str, names: Sequence[str]) -> bool:
    """False for the entry of a backbone that is not proposed."""
    section, _, name = key.partition(".")
    return section not in ("backbones", "weights") or name in names


def _yaml(value: Any) -> str:
    """On one line, as `--set` reads it; text without quotes where it is read as text."""
    if isinstance(value, str) and yaml.safe_load(value) == value:
        return value
    if isinstance(value, str):
        return json.dumps(value)
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")
