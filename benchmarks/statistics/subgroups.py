"""How often subgroups that are alike are said to differ, and how often real differences are found.

The images, their groups, what is known of them and which are predicted correctly are drawn here,
without the code of the report; it is only asked for its gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.derived.subgroups import subgroup_tables
from reports.tables import CELL, SCHEMAS


@dataclass(frozen=True)
class World:
    """Test images of `people`, `most` images each at most, of whom four columns are known.

    `skill`: probability of a correct prediction. `alike`: how much the images of a person share
    their luck, 0..1. `harm`: what the smaller half of the column with two levels loses.
    """

    people: int
    most: int = 1
    skill: float = 0.8
    alike: float = 0.0
    harm: float = 0.0


WORLDS = {
    "60 people": World(60),
    "300 people": World(300),
    "60 people, 95 % right": World(60, skill=0.95),
    "100 people of 1 to 6 images, alike": World(100, most=6, alike=0.7),
    "300 people of 1 to 6 images, alike": World(300, most=6, alike=0.7),
    "300 people, sex differs by 20 points": World(300, harm=0.2),
}

_LEVELS = {"sex": 2, "site": 3, "age": 7, "scanner": 5}


def found_gaps(name: str, times: int, seed: int = 0) -> dict[str, float]:
    """The share of experiments in which any gap is called significant, and in which one of a column
    that makes no difference is; the share whose intervals all hold the true difference."""
    world = WORLDS[name]
    rng = np.random.default_rng([seed, world.people, world.most, round(100 * world.harm)])
    anywhere, falsely, covered = 0, 0, 0
    for _ in range(times):
        _, gaps = subgroup_tables(*_experiment(world, rng))
        loud = {gap["column"] for gap in gaps if gap["p"] < 0.05}
        anywhere += bool(loud)
        falsely += bool(loud - ({"sex"} if world.harm else set()))
        covered += all(_holds(world, gap) for gap in gaps)
    return {"any": anywhere / times, "false": falsely / times, "all covered": covered / times}


def _holds(world: World, gap: dict[str, float | str]) -> bool:
    true = 0.0
    if gap["column"] == "sex":
        true = world.harm if gap["level"] == "level 0" else -world.harm
    return float(gap["low"]) <= true <= float(gap["high"])


def _experiment(
    world: World, rng: np.random.Generator
) -> tuple[dict[str, object], dict[str, pd.DataFrame]]:
    """run.json and the tables that the report reads."""
    person = np.repeat(np.arange(world.people), rng.integers(1, world.most + 1, world.people))
    known = {
        column: rng.choice(levels, world.people, p=_shares(levels))
        for column, levels in _LEVELS.items()
    }
    known["scanner"] = np.where(rng.random(world.people) < 0.5, known["site"], known["scanner"])
    shared, own = rng.random(world.people)[person], rng.random(len(person))
    luck = np.where(rng.random(len(person)) < world.alike, shared, own)
    right = luck < world.skill - world.harm * (known["sex"][person] == 1)
    label = rng.integers(0, 2, len(person))
    ids = [f"i{number:05}" for number in range(len(person))]
    cell = dict.fromkeys(CELL, "x") | {
        "split_policy": "grouped",
        "augmented": False,
        "seed": 0,
        "repeat": 1,
        "fold": 0,
    }
    chosen = np.where(right, label, 1 - label)
    predictions = pd.DataFrame(
        {
            **{key: [value] * len(ids) for key, value in cell.items()},
            "image_id": ids,
            "copy": 0,
            "label": [str(one) for one in label],
            "predicted": [str(one) for one in chosen],
            "probabilities": [[0.2, 0.8] if one else [0.8, 0.2] for one in chosen],
        }
    )
    metadata = [
        {
            "image_id": one,
            "column": column,
            "level": f"level {levels[who]}",
            "position": levels[who],
            "number": None,
            "binning": "",
        }
        for column, levels in known.items()
        for one, who in zip(ids, person, strict=True)
    ]
    tables = {name: schema.empty_table().to_pandas() for name, schema in SCHEMAS.items()}
    row = dict.fromkeys(SCHEMAS["cells"].names) | cell
    row |= {
        "state": "done",
        "accuracy": right.mean(),
        "val_score": 0.5,
        "val_loss": 0.5,
        "temperature": 1.0,
        "n_test": len(ids),
    }
    tables |= {
        "cells": pd.DataFrame([row]),
        "predictions": predictions,
        "metadata": pd.DataFrame(metadata),
        "images": pd.DataFrame({"image_id": ids, "group": [f"g{one}" for one in person]}),
    }
    info: dict[str, object] = {"metric": "accuracy", "scenarios": {"x": ["0", "1"]}}
    return info, tables


def _shares(levels: int) -> np.ndarray:
    """Uneven: the last level is the rarest."""
    weights = np.arange(levels + 1, 1, -1.0)
    return np.asarray(weights / weights.sum())
