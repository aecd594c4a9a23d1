"""Write a run's tables from its state in the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reports.mistakes import pictured
from reports.tables import write_table
from sweeper.plan.ledger import Ledger
from sweeper.plan.previews import contact_sheets
from sweeper.results.cell_rows import CellRows
from sweeper.results.networks import backbone_rows
from sweeper.results.pictures import draw_pictures
from sweeper.results.pointing import MarkedRegions
from trainables.criterion import rank


@dataclass(frozen=True)
class Outcome:
    """How a run ended: counts of cells and trials by state."""

    cells: Counter[str]
    trials: Counter[str]


def write_tables(ledger: Ledger, errors: Mapping[str, str], folder: Path) -> Outcome:
    """Write all tables of the design. `errors`: cell id -> why its champion has no evaluation."""
    cells = ledger.store.each(
        lambda cell: CellRows(ledger, cell, errors.get(cell.id, "")), ledger.plan.cells
    )
    marked = MarkedRegions(ledger.plan)
    tables: dict[str, Any] = {
        "cells": [rows.cell_row() for rows in cells],
        "trials": [row for rows in cells for row in rows.trial_rows()],
        "curves": _curves(cells),
        "candidates": list(_candidates(cells)),
        "predictions": (found for rows in cells if (found := rows.predictions()) is not None),
        "confusion": [row for rows in cells for row in rows.confusion],
        "reliability": [row for rows in cells for row in rows.reliability],
        "thresholds": [row for rows in cells for row in rows.thresholds],
        "pictures": draw_pictures(
            ledger.plan.collection,
            pictured(rows.mistakes for rows in cells),
            ledger.plan.preprocessings[0],
            ledger.store,
        ),
        "attributions": [
            row
            for rows in ledger.store.each(_attributions, cells)
            for row in marked.with_columns(rows)
        ],
        "map_checks": [row for rows in cells for row in rows.map_check_rows()],
        "corrupted": [row for rows in cells for row in rows.corrupted_rows()],
        "previews": [asdict(sheet) for sheet in contact_sheets(ledger.plan)],
        "images": ledger.plan.collection.manifest,
        "metadata": ledger.plan.collection.metadata,
        "duplicates": ledger.plan.collection.duplicates,
        "splits": _splits(ledger),
        "leaks": _leaks(ledger),
        "backbones": backbone_rows(ledger.plan),
    }
    for name, rows in tables.items():
        write_table(folder, name, rows)
    return Outcome(
        Counter(row["state"] for row in tables["cells"]),
        Counter(row["state"] for row in tables["trials"]),
    )


def _attributions(rows: CellRows) -> list[dict[str, Any]]:
    return list(rows.attribution_rows())


def _records(cells: Sequence[CellRows]) -> dict[str, Mapping[str, Any]]:
    """The record of every trial that has one, once even if cells share it."""
    ledger = cells[0].ledger
    specs = {spec.key: spec for rows in cells for spec in rows.specs}
    return {key: found for key, spec in specs.items() if (found := ledger.record(spec))}


def _curves(cells: Sequence[CellRows]) -> list[dict[str, Any]]:
    return [
        {"trial": key, **epoch} for key, one in _records(cells).items() for epoch in one["curve"]
    ]


def _candidates(cells: Sequence[CellRows]) -> Iterator[dict[str, Any]]:
    """What trials tried by themselves; validation chose the first of the best."""
    for key, one in _records(cells).items():
        tried = one.get("candidates", [])
        ranks = [rank(row["val_score"], row["val_loss"]) for row in tried]
        for i, row in enumerate(tried):
            setting = ", ".join(f"{name}={value:g}" for name, value in row["setting"].items())
            yield {
                "trial": key,
                "candidate": i + 1,
                "setting": setting,
                "val_loss": row["val_loss"],
                "val_accuracy": row["val_accuracy"],
                "val_score": row["val_score"],
                "chosen": i == ranks.index(max(ranks)),
            }


def _splits(ledger: Ledger) -> Iterator[pd.DataFrame]:
    for name, split in ledger.plan.splits.items():
        columns: dict[str, Any] = name.columns
        yield split.rows[["image_id", "copy", "part"]].assign(**columns)


def _leaks(ledger: Ledger) -> list[dict[str, Any]]:
    return [
        {
            **name.columns,
            "split_key": split.key,
            "part": part,
            "rows": leaks.rows,
            "leaked": leaks.leaked,
            **leaks.by_kind,
        }
        for name, split in ledger.plan.splits.items()
        for part, leaks in split.leaks.items()
    ]
