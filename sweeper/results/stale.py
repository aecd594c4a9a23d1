"""Find files in a run's folder that no longer belong to the run; they are reported, not removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from reports.tables import SCHEMAS
from sweeper.budget.decision import FILE as BUDGET_FILE
from sweeper.results.champions_file import CHAMPIONS_FILE

_OF_A_CHAMPION = ("explained", "export")  # what `predict` and `export` write into a run's folder
_RESULTS = frozenset({"run.json", CHAMPIONS_FILE, *(f"{name}.parquet" for name in SCHEMAS)})


def champions_in(out: Path) -> frozenset[str]:
    """The champions' keys from the run's tables; empty if there are none."""
    try:
        table = pq.read_table(out / "results" / "cells.parquet", columns=["champion"])
    except (OSError, pa.ArrowException):
        return frozenset()
    return frozenset(key for key in table["champion"].to_pylist() if key)


def stale(out: Path, before: frozenset[str]) -> Iterator[str]:
    """A line for each folder or file that does not belong to the current run. `before`: the
    champions of the run that it replaced."""
    if before and before != champions_in(out):
        for name in _OF_A_CHAMPION:
            if (out / name).is_dir():
                yield f"{out / name} may come from an earlier champion of this run; create it again"
    results = out / "results"
    names = sorted(path.name for path in results.iterdir()) if results.is_dir() else []
    own = _RESULTS | ({BUDGET_FILE} if _has_budget(results) else set())
    for name in names:
        if name not in own and not name.startswith("."):
            yield f"{results / name} does not belong to this run; remove it"


def _has_budget(results: Path) -> bool:
    path = results / "run.json"
    return path.is_file() and "budget" in json.loads(path.read_text(encoding="utf-8"))
