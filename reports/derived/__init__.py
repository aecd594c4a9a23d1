"""Tables made from a run's other tables: intervals, operating points, effects,
comparisons, trainings, policies, optimism, robustness, subgroups, map verdicts, external test sets.

The page and the Parquet files both take their statistics from here, so they cannot disagree.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from reports.derived.comparisons import comparison_rows
from reports.derived.effects import effect_rows
from reports.derived.external import external_tables
from reports.derived.intervals import interval_rows
from reports.derived.map_verdicts import map_verdict_rows
from reports.derived.operating_points import operating_rows
from reports.derived.optimism import optimism_rows
from reports.derived.policies import policy_rows
from reports.derived.robustness import robustness_rows
from reports.derived.subgroups import subgroup_tables
from reports.derived.tested import ACCURACY, tested_cells
from reports.derived.trainings import training_rows
from reports.metrics.deciding import DECIDING
from reports.split_policies import split_policies
from reports.tables import DERIVED, SCHEMAS, read_tables, write_table


def write_derived(folder: Path) -> None:
    """Write the derived tables into the `results` folder of a run, from its other tables.

    Deterministic. Raises FileNotFoundError without a run.json, whose scenarios determine the order
    of the probabilities.
    """
    path = folder / "run.json"
    if not path.exists():
        raise FileNotFoundError(f"{path}: a run folder has results/run.json")
    info: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    written = {name: schema for name, schema in SCHEMAS.items() if name not in DERIVED}
    empty = {name: pd.DataFrame(columns=_names(name)) for name in DERIVED}
    tables = empty | read_tables(folder, written)  # derived ones may be an earlier version's
    tested = tested_cells(tables, info.get("scenarios", {}), tuple(split_policies(info)))
    subgroups, gaps = subgroup_tables(info, tables)
    metrics = dict.fromkeys([info.get("metric", ACCURACY), ACCURACY])
    measured = [tested.measured_by(DECIDING[name]) for name in metrics]
    intervals = interval_rows(tested)
    with_intervals = tables | {"intervals": pd.DataFrame(intervals, columns=_names("intervals"))}
    external, drift = external_tables(with_intervals, info.get("scenarios", {}))
    for name, rows in {
        "intervals": intervals,
        "external_metrics": external,
        "drift": drift,
        "operating_points": operating_rows(
            tested, tables["thresholds"], info.get("prevalence", {})
        ),
        "subgroups": subgroups,
        "gaps": gaps,
        "effects": [row for one in measured for row in effect_rows(one)],
        "comparisons": [row for one in measured for row in comparison_rows(one)],
        "trainings": training_rows(tested),
        "policies": policy_rows(tested, tables),
        "optimism": optimism_rows(tested, tables),
        "map_verdicts": list(map_verdict_rows(tables)),
        "robustness": list(robustness_rows(tables, info.get("scenarios", {}))),
    }.items():
        write_table(folder, name, rows)


def _names(table: str) -> list[str]:
    return list(SCHEMAS[table].names)
