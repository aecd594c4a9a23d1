"""The training budget of each side of a comparison, and the time that a cell needs on its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from reports import wording
from reports.run import Row, Run
from reports.savings import extraction_s
from reports.tables import CELL


def budget(run: Run) -> str:
    """In words: epochs, steps and passes of a full training, by strategy and augmentation. Empty
    where no cell is done."""

    def side(row: Row) -> tuple[int, bool, str]:
        place = run.strategies.index(row["strategy"])
        return place, bool(row["augmented"]), row["augmentation"]

    groups = [list(rows) for _, rows in groupby(sorted(run.done, key=side), key=side)]
    if not groups:
        return ""
    sides = "; ".join(_side(run, rows) for rows in groups)
    return f"Training budget: {sides}.{_steps(run, groups)}{_parents(run, groups)}"


def _side(run: Run, rows: Sequence[Row]) -> str:
    name = wording.recipe(rows[0])
    if tried := run.candidates.get(rows[0]["champion"]):
        settings = wording.plural(len(tried), "setting")
        return f"{name}: fitted once on all rows with each of {settings}"
    passes = _range([row["passes"] for row in rows], lambda value: wording.decimal(value, 1))
    return (
        f"{name}: {_range([row['epochs'] for row in rows], wording.count)} epochs, "
        f"{_range([row['steps'] for row in rows], wording.count)} optimiser steps for the "
        "champions, "
        f"{passes} passes over {_range([row['n_train'] for row in rows], wording.count)} rows"
    )


def _range(values: Sequence[Any], write: Any) -> str:
    low, high = write(min(values)), write(max(values))
    return low if low == high else f"{low} to {high}"


def _steps(run: Run, groups: Sequence[Sequence[Row]]) -> str:
    """A comparison of the cells with and without copies, where there are both."""
    if len({bool(rows[0]["augmented"]) for rows in groups}) < 2:
        return ""
    if _config(run, "search").get("budget") == "epochs":
        return " An epoch is one pass over all rows, so augmented cells take more steps."
    return (
        " Cells with and without augmented copies take the same number of steps at the same batch "
        "size."
    )


def _parents(run: Run, groups: Sequence[Sequence[Row]]) -> str:
    if not any(_has_parent(run, rows[0]) for rows in groups):
        return ""
    return (
        " A fine-tuned cell starts from the champion of its transfer cell; that search is not "
        "included."
    )


def with_needed_s(run: Run, cells: Sequence[Row]) -> list[Row]:
    """The cells with `needed_s`, the seconds that each would take on its own: its search, for a
    fine-tuned one also that of the transfer cell that it starts from, and its rows' share of the
    extraction."""
    searched = zip(cells, _searches_s(run, cells), strict=True)
    return [{**row, "needed_s": search + extraction_s(run, row)} for row, search in searched]


def needed_together_s(run: Run, cells: Sequence[Row]) -> float:
    """Seconds that cells of one backbone would take on their own: their searches, and an extraction
    that they share."""
    return sum(_searches_s(run, cells)) + max(extraction_s(run, row) for row in cells)


def _searches_s(run: Run, cells: Sequence[Row]) -> list[float]:
    """Seconds of each cell's search and, for a fine-tuned one, its transfer cell's."""
    trained = {_key(row): float(row["train_s"] or 0.0) for row in run.cells}
    parents = [trained.get(_parent(row), 0.0) if _has_parent(run, row) else 0.0 for row in cells]
    return [trained[_key(row)] + parent for row, parent in zip(cells, parents, strict=True)]


def _has_parent(run: Run, row: Row) -> bool:
    start = _config(run, "finetune").get("start", "transfer")
    return bool(row["strategy"] == "finetune" and start == "transfer")


def _parent(row: Row) -> tuple[Any, ...]:
    return _key({**row, "strategy": "transfer"})


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in CELL)


def _config(run: Run, section: str) -> dict[str, Any]:
    found: dict[str, Any] = run.info.get("config", {}).get(section, {})
    return found
