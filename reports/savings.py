"""Compute the time saved by cached activations: passes over the backbone that trials skipped.

Without them a trial would run the backbone over its training rows in every pass and over its
validation rows in every epoch. How long a backbone takes for a row was measured when its
activations were computed, so

    saved = sum over trials of (passes x training rows + epochs x validation rows) x seconds a row
            - spent once

A fine-tuning trial would run the backbone's last block in any case; the measured second of a row
holds that block too, so for fine-tuning this is an upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from reports.run import Row, Run, records
from reports.tables import CELL


@dataclass(frozen=True)
class Pass:
    """One measured pass of a backbone over all rows: seconds of one process for all, and rows."""

    seconds: float
    rows: int

    @property
    def each_s(self) -> float:
        return self.seconds / self.rows


@dataclass(frozen=True)
class Saving:
    """Of one backbone, in seconds of one process."""

    backbone: str
    spent: float  # the pass itself
    without: dict[str, float]  # what the passes of all trials would have taken, by strategy

    @property
    def saved(self) -> float:
        return sum(self.without.values()) - self.spent


def measured_passes(run: Run) -> dict[str, Pass]:
    """By backbone, from run.json's artifacts; only passes whose duration was recorded."""
    found: dict[str, Pass] = {}
    for one in run.info.get("artifacts", []):
        if one["kind"] in ("pooled", "prefix") and one.get("rows") and one.get("seconds"):
            own = Pass(float(one["seconds"]) * float(one.get("workers", 1)), int(one["rows"]))
            known = found.get(one["backbone"])
            found[one["backbone"]] = own if known is None or own.seconds > known.seconds else known
    return found


def savings(run: Run) -> list[Saving]:
    """One for each backbone whose pass was measured, in the page's order."""
    passes, rows = measured_passes(run), _rows_passed(run)
    return [
        Saving(
            backbone=name,
            spent=passes[name].seconds,
            without={
                strategy: passes[name].each_s * rows.get((name, strategy), 0.0)
                for strategy in run.strategies
            },
        )
        for name in run.backbones
        if name in passes
    ]


def _rows_passed(run: Run) -> dict[tuple[str, str], float]:
    """Rows that trials on cached activations took, by backbone and strategy."""
    trials = distinct_trials(run)
    sizes = run.tables["cells"][[*CELL, "n_train", "n_val"]]
    trials = trials.merge(sizes, on=list(CELL), how="left")
    cached = pd.Series([_is_cached(run, row) for row in records(trials)], trials.index, dtype=bool)
    trials = trials[cached]
    passed = trials["passes"] * trials["n_train"] + trials["epochs"] * trials["n_val"]
    summed = passed.groupby([trials["backbone"], trials["strategy"]]).sum()
    return {(str(key[0]), str(key[1])): float(rows) for key, rows in summed.items()}  # type: ignore[index]


def extraction_s(run: Run, cell: Row) -> float:
    """Seconds of one process that a cell's own rows took of its backbone's measured pass; 0 where
    it trains from pixels, or where the pass was not measured."""
    found = measured_passes(run).get(cell["backbone"])
    if found is None or not _is_cached(run, cell):
        return 0.0
    return found.each_s * sum(float(cell[part]) for part in ("n_train", "n_val", "n_test"))


def _is_cached(run: Run, row: Row) -> bool:
    """Whether a cell's trials read cached activations."""
    config = run.info.get("config", {})
    online = run.info.get("augmentations", {}).get(row["augmentation"], {}).get("online")
    whole = config.get("finetune", {}).get("depth") == "all" and row["strategy"] == "finetune"
    return not (online or whole)


def distinct_trials(run: Run) -> pd.DataFrame:
    """The table `trials`, a trial that cells share once."""
    return run.tables["trials"].drop_duplicates("trial")
