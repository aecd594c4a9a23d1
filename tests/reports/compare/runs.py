"""Fake runs that differ in what a test names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reports.compare.groups import NamedRun
from reports.run import load_run
from reports.tables import write_table
from tests.reports.fake_run import FakeRun, write_fake_run

SMALL = FakeRun(
    policies=("grouped",),
    backbones=("resnet50", "vgg16"),
    scenarios={"1": ["Avulsion fracture", "Spiral Fracture", "Hairline Fracture"]},
    trials=1,
    epochs=2,
    attributions=0,
)


def fake(
    folder: Path,
    *,
    better: float = 0.0,
    images: Callable[[str], str] = str,
    config: dict[str, Any] | None = None,
    key: str = "",
    **changes: Any,
) -> NamedRun:
    """A run in `folder`.

    Args:
        better: this share of its wrong predictions is made right, the same images in every cell.
        images: renames them.
        config: replaces top-level sections of the configuration.
        key: put before the keys of its champions: other trained networks.
    """
    write_fake_run(folder, replace(SMALL, **changes))
    results = folder / "results"
    for name in ("images", "predictions", "cells"):
        table = pd.read_parquet(results / f"{name}.parquet")
        if "image_id" in table:
            table["image_id"] = [images(one) for one in table["image_id"]]
        if name == "predictions":
            table = _better(table, better)
            right = table["label"] == table["predicted"]
        if "champion" in table:
            table["champion"] = [
                key + one if isinstance(one, str) else None for one in table["champion"]
            ]
        write_table(results, name, table)
    _with_accuracies(results, right)
    info = json.loads((results / "run.json").read_text(encoding="utf-8"))
    info["config"] = {**info["config"], **(config or {})}
    (results / "run.json").write_text(json.dumps(info), encoding="utf-8")
    return NamedRun(folder.name, load_run(folder))


def _better(table: pd.DataFrame, share: float) -> pd.DataFrame:
    lucky = np.array([int(one[-4:], 16) % 100 < 100 * share for one in table["image_id"]])
    return table.assign(predicted=table["label"].where(lucky, table["predicted"]))


def _with_accuracies(results: Path, right: pd.Series) -> None:
    predictions = pd.read_parquet(results / "predictions.parquet").assign(right=right)
    cells = pd.read_parquet(results / "cells.parquet")
    names = ["backbone", "augmentation", "strategy", "seed", "repeat", "fold"]
    found = predictions.groupby(names)["right"].mean()
    keys = cells[names].itertuples(index=False, name=None)
    write_table(
        results, "cells", cells.assign(accuracy=pd.Series([found.get(key) for key in keys]))
    )
