"""The closing lines of a run: the best configurations, warnings, and its duration."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from reports import wording
from reports.arithmetic import mixed
from reports.derived.map_verdicts import INDEPENDENT, WHOLE_NETWORK
from reports.run import Row, Run, cell_key, load_run_tables, records
from reports.screening import screening_of
from reports.sections.screening import proposal_of
from reports.sections.verdict import budget_sentence
from sweeper.errors import one_line
from sweeper.results.headlines import headline_lines

_TABLES = (
    "cells",
    "trials",
    "confusion",
    "intervals",
    "leaks",
    "candidates",
    "comparisons",
    "map_verdicts",
)
_ERRORS_SHOWN = 3


def conclusion(out: Path) -> Iterator[str]:
    """The lines for a run's folder; none if it holds no run."""
    results = out / "results"
    if not (results / "run.json").is_file():
        return
    run = load_run_tables(out, _TABLES)
    if lines := list(headline_lines(run)):
        yield "best on validation:"
        yield from (f"    {line}" for line in lines)
    yield from _screened(run)
    for text in _warnings(run, results):
        yield f"warning: {text}"
    if text := budget_sentence(run.info):
        yield text
    yield from _time(run.info)


def _warnings(run: Run, results: Path) -> Iterator[str]:
    yield from _failures(run)
    yield from _leaks(run)
    yield from mixed(run)
    yield from _unshown(results)
    yield from _blind(run)
    yield from _random(run)


def _screened(run: Run) -> Iterator[str]:
    """The ranking of a run that only probes, and how to go on."""
    found = screening_of(run)
    if found is None:
        return
    yield "backbones by the test accuracy of their preferred probe:"
    for number, one in enumerate(found.ranked, 1):
        accuracy = f"{wording.percent(one.repeats.mean)} %"
        line = f"{number:>4}  {one.backbone:<16}{one.rows[0]['strategy']:<8}{accuracy:>7}"
        if one.interval:
            line += (
                f"  {wording.points(one.difference)} points against the best "
                f"({wording.points_range(one.interval)})"
            )
        yield line
    yield proposal_of(found)
    yield f"    {found.command}"


def _failures(run: Run) -> Iterator[str]:
    failed = [row for row in run.cells if row["state"] == "failed"]
    for row in failed[:_ERRORS_SHOWN]:
        yield f"{_cell(row)} failed: {one_line(str(row['error']))[:200]}"
    if (more := len(failed) - _ERRORS_SHOWN) > 0:
        yield f"{wording.plural(more, 'more cell')} failed; the report says why"


def _leaks(run: Run) -> Iterator[str]:
    table = run.tables["leaks"]
    test = table[table["part"] == "test"]
    for row in records(test.groupby("split_policy", as_index=False)[["rows", "leaked"]].sum()):
        if row["leaked"]:
            yield (
                f"split policy {row['split_policy']}: {row['leaked']} of {row['rows']} test rows "
                "have a copy or a group mate in training, so its accuracies are too high"
            )


def _unshown(results: Path) -> Iterator[str]:
    path = results / "attributions.parquet"
    if not path.is_file():
        return
    table = pq.read_table(path, columns=["converged", "n_steps"])
    rows = table.to_pylist()
    steps = [row["n_steps"] for row in rows if not row["converged"]]
    untried = steps.count(0)
    if failed := len(steps) - untried:
        yield (
            f"{failed} of {table.num_rows} explanation maps did not converge and are not shown; "
            "raise explain.max_steps"
        )
    if untried:
        yield (
            f"{untried} of {table.num_rows} explanation maps were left out to keep to "
            "explain.time_share"
        )


def _blind(run: Run) -> Iterator[str]:
    """Maps that look the same without the trained weights."""
    verdicts = run.tables["map_verdicts"]
    cells = {row["key"]: row for row in run.cells}
    for row in records(verdicts[verdicts["conclusion"] == INDEPENDENT]):
        if row["check"] == "randomisation" and row["against"] == WHOLE_NETWORK:
            yield (
                f"{run.method_title(row['method'])} maps of {_cell(cells[cell_key(row)])} do not "
                "depend on the trained weights: do not read them as the network's reasons"
            )


def _random(run: Run) -> Iterator[str]:
    if names := run.random_backbones():
        yield f"random weights: accuracies say nothing about pretrained {', '.join(names)}"


def _time(info: dict[str, Any]) -> Iterator[str]:
    try:
        started, ended = (datetime.fromisoformat(info[name]) for name in ("started", "ended"))
    except (KeyError, TypeError, ValueError):
        return
    yield f"time: {wording.seconds((ended - started).total_seconds())}"


def _cell(row: Row) -> str:
    parts = (row["split_policy"], row["backbone"], wording.scenario(row["scenario"]))
    return f"{', '.join(parts)}, {wording.recipe(row)}"
