"""What a run knows about a network that leaves it: test results, operating points, data, test set.

The model card, the exported `config.json` and the web page all state what is collected here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from datasets.splitting.policies import POLICIES
from reports.axes import TRAININGS
from reports.metrics.deciding import DECIDING
from reports.run import Row, records
from sweeper.use.chosen import ChosenCell
from sweeper.use.finished import FinishedRun
from sweeper.use.operating_points import operating_points, rows_of
from sweeper.use.run_tables import read_run_tables

TABLES = (
    "intervals",
    "thresholds",
    "operating_points",
    "subgroups",
    "leaks",
    "splits",
    "images",
    "duplicates",
)
_SUBGROUP = ("column", "level", "metric", "value", "low", "high", "images", "units", "compared")
_CALIBRATION = ("ece", "brier", "log_loss")
_DIVISION = ("split_policy", "scenario", "repeat", "fold", "augmentation", "augmented")


def evidence_of(run: FinishedRun, chosen: ChosenCell) -> dict[str, Any]:
    """Plain values for JSON, by topic: metric, accuracy, operating_points, calibration,
    subgroups, test_set, data."""
    tables = read_run_tables(run, TABLES)
    points = operating_points(tables, chosen.row, chosen.classes)
    return {
        "metric": _metric(run.config.metric, tables, chosen),
        "accuracy": _measured("accuracy", tables, chosen),
        "operating_points": [asdict(point) for point in points],
        "calibration": _calibration(tables, chosen),
        "subgroups": subgroups_of(tables["subgroups"], chosen.row),
        "test_set": _test_set(run, tables, chosen),
        "data": _data(run, chosen),
    }


def _metric(name: str, tables: Mapping[str, pd.DataFrame], chosen: ChosenCell) -> dict[str, Any]:
    """The metric that validation decided by, on the test rows. A log loss has no interval: a single
    confident mistake outweighs all other rows (docs/explanation/statistics.md)."""
    deciding = DECIDING[name]
    title, _, unit = deciding.title.partition(", ")
    about = {
        "name": name,
        "title": title,
        "unit": unit,
        "higher_is_better": deciding.higher_is_better,
        "percent": deciding.percent,
    }
    return about | _measured(name, tables, chosen)


def _measured(
    name: str, tables: Mapping[str, pd.DataFrame], chosen: ChosenCell
) -> dict[str, float | None]:
    """A column of the cell with its interval, where it has one."""
    rows = rows_of(tables["intervals"], chosen.row)
    row = next((one for one in rows if one["metric"] == name and one["label"] == ""), {})
    value = chosen.row.get(name)
    return {"value": value, "low": row.get("low"), "high": row.get("high")}


def _calibration(tables: Mapping[str, pd.DataFrame], chosen: ChosenCell) -> dict[str, Any]:
    """The scores of the probabilities on test rows, before and after the temperature."""
    scores = {name: _measured(name, tables, chosen) for name in _CALIBRATION}
    scaled = {f"{name}_scaled": chosen.row.get(f"{name}_scaled") for name in _CALIBRATION}
    return {"temperature": chosen.temperature, **scores, **scaled}


def subgroups_of(table: pd.DataFrame, cell: Row) -> list[dict[str, Any]]:
    """The results in subgroups of the test images, over all trainings of the cell's configuration;
    empty if the run has none of this configuration."""
    rows = rows_of(table, {**cell, **dict.fromkeys(TRAININGS)})
    return [{name: row[name] for name in _SUBGROUP} for row in rows]


def _test_set(
    run: FinishedRun, tables: Mapping[str, pd.DataFrame], chosen: ChosenCell
) -> dict[str, Any]:
    """How the test rows were kept apart from the training rows."""
    policy = POLICIES[chosen.cell.split_policy]
    data, split = run.config.data, run.config.split
    parts = _of_division(tables["splits"], chosen)
    group_of = dict(zip(tables["images"]["image_id"], tables["images"]["group"], strict=True))
    sizes = {
        str(part): {
            "images": int(rows["image_id"].nunique()),
            "groups": len({group_of.get(image) for image in rows["image_id"]}),
        }
        for part, rows in parts.groupby("part")
    }
    leaks = _of_division(tables["leaks"], chosen)
    leaks = leaks[leaks["part"] == "test"]
    pairs = tables["duplicates"]["kind"].value_counts()
    return {
        "policy": chosen.cell.split_policy,
        "meaning": policy.meaning,
        "caveat": policy.caveat,
        "seed": split.seed,
        "parts": sizes,
        "leaked_rows": int(leaks["leaked"].iloc[0]) if len(leaks) else None,
        "pairs_found": {str(kind): int(count) for kind, count in pairs.items()},
        "near_copies_looked_for": data.near_duplicates,
        "group_by": data.group_by,
        "patient_id_used": data.use_patient_id,
    }


def _of_division(table: pd.DataFrame, chosen: ChosenCell) -> pd.DataFrame:
    """The rows of a table about the cell's division of the images."""
    rows = records(table[list(_DIVISION)])
    wanted = {name: chosen.row[name] for name in _DIVISION}
    return table[[row == wanted for row in rows]] if rows else table


def _data(run: FinishedRun, chosen: ChosenCell) -> dict[str, Any]:
    """Hashes that identify images, division and training; equal hashes mean equal content."""
    about, spec = run.about.get("data", {}), chosen.spec
    return {
        "images": about.get("images"),
        "excluded": about.get("excluded"),
        "images_per_class": about.get("classes", {}),
        "manifest_hash": about.get("manifest_hash", ""),
        "split_key": spec.split_key,
        "shards_key": spec.shards_key,
        "backbone_key": spec.backbone_key,
        "trial_key": spec.key,
    }
