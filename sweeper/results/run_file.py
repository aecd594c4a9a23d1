"""Write run.json: configuration, data, machine, versions, and the duration of each stage."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from datasets.corruptions import CORRUPTIONS
from datasets.splitting.leaks import KINDS
from datasets.splitting.policies import describe_policies
from sweeper.config.own_settings import own_settings
from sweeper.config.recipes import Recipe
from sweeper.config.search_space import Range
from sweeper.plan.ledger import Ledger
from sweeper.plan.plan import class_counts
from sweeper.results.networks import describe_backbone
from sweeper.results.tables import Outcome
from sweeper.stage_times import StageTime
from sweeper.store.address import name_of
from sweeper.strategies import STRATEGIES
from trainables.explanation_facts import method_titles
from trainables.gpus import gpu_names
from trainables.hyperparameters import HYPERPARAMETERS, keyed, plain

_PACKAGES = (
    "ray",
    "torch",
    "torchvision",
    "timm",
    "captum",
    "albumentations",
    "numpy",
    "pandas",
    "scikit-learn",
    "pyarrow",
)


def describe_run(ledger: Ledger, outcome: Outcome, stages: Sequence[StageTime]) -> dict[str, Any]:
    """The content of run.json, except its status and times."""
    plan, config = ledger.plan, ledger.plan.config
    reused = sum(s.reused for s in stages if s.stage in STRATEGIES)
    return {
        "name": config.name,
        "config": config.model_dump(mode="json"),
        "own_settings": own_settings(config),
        "metric": config.metric,
        "operating_point": config.operating_rule.text,
        "prevalence": plan.prevalence,
        "git_commit": _git_commit(),
        "versions": {"python": platform.python_version(), **_versions()},
        "hardware": _hardware(),
        "seeds": list(config.grid.seeds),
        "repeats": config.split.repeats,
        "folds": config.split.folds or 0,
        "stages": [asdict(stage) for stage in stages],
        "cells": {"planned": outcome.cells.total(), **_counts(outcome.cells)},
        "trials": {
            "planned": outcome.trials.total(),
            **_counts(outcome.trials),
            "stopped": outcome.trials["stopped"],
            "reused": reused,
        },
        "scenarios": plan.scenarios,
        "split_policies": describe_policies(config.split.policies),
        "leak_kinds": KINDS,
        "backbones": {name: describe_backbone(plan, name) for name in config.grid.backbones},
        "augmentations": {
            name: one.model_dump(mode="json")
            for name in config.grid.augmentations
            if (one := config.augmentation(name))
        },
        "corruptions": {name: one.meaning for name, one in CORRUPTIONS.items()},
        "explanation_methods": method_titles(),
        "hyperparameters": {name: one.title for name, one in HYPERPARAMETERS.items()},
        "recipes": {name: _recipe(recipe) for name, recipe in plan.recipes.items()},
        "artifacts": _artifacts(ledger),
        "data": {
            "source": config.data.source,
            "path_name": name_of(config.data.path) if config.data.path else "drawn radiographs",
            "images": len(plan.collection.images),
            "excluded": len(plan.collection.manifest) - len(plan.collection.images),
            "classes": dict(class_counts(plan.collection)),
            "duplicates": len(plan.collection.duplicates),
            "manifest_hash": plan.collection.hash,
        },
    }


def write_run_file(about: Mapping[str, Any], folder: Path) -> None:
    """Write run.json."""
    (folder / "run.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _counts(states: Counter[str]) -> dict[str, int]:
    return {state: states[state] for state in ("done", "failed", "missing")}


def _recipe(recipe: Recipe) -> dict[str, Any]:
    """What a recipe sets, as a configuration writes it: `first_draw` of draw 0 where it is not
    neutral, `searched` of the others."""
    first = {name: plain(value) for name, value in recipe.first_draw.items()}
    return {
        "first_draw": keyed(first),
        "searched": {
            name: space.to_plain() if isinstance(space, Range) else [plain(one) for one in space]
            for name, space in recipe.space.items()
            if isinstance(space, Range) or len(space) > 1
        },
    }


def _artifacts(ledger: Ledger) -> list[dict[str, Any]]:
    """The artifacts that trials share, by kind, backbone and key in the store; an activation table
    with the cost of its pass (`seconds` of wall time on `workers` processes, for `rows` images).

    A champion's key is `champion` of the table `cells`, under `trials/`.
    """
    found = [(one.backbone, ledger.store.find(*one.target.place)) for one in ledger.plan.shared]
    return [
        {"kind": one.kind, "backbone": backbone, "key": one.key, **one.info}
        for backbone, one in found
        if one
    ]


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def _hardware() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "gpus": list(gpu_names()),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _git_commit() -> str:
    """The checkout's commit, with a `+` if there are changes; empty outside a checkout."""
    try:
        commit = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit.stdout.strip()
