"""Read a finished run: its tables and `run.json`, with its cells in one order."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reports.axes import AXIS, TRAININGS, training_choices
from reports.metrics.deciding import DECIDING, Deciding
from reports.split_policies import SplitPolicy, split_policies
from reports.statistics import Interval, accuracy_interval
from reports.statistics.training import TRAINED
from reports.tables import CELL, SCHEMAS, read_tables

Row = dict[str, Any]
CellKey = tuple[Any, ...]

_STRATEGIES = tuple(AXIS["strategy"].titles)


@dataclass(frozen=True)
class Run:
    """One run's `info` (run.json) and `tables`; `only`: the cells it is narrowed to, if any."""

    info: Row
    tables: dict[str, pd.DataFrame]
    only: frozenset[CellKey] | None = None

    def narrowed(self, keys: Collection[CellKey]) -> Run:
        """The same run with only these cells, under the anchors that they have among all cells."""
        return replace(self, only=frozenset(keys))

    @cached_property
    def cells(self) -> list[Row]:
        """All planned cells as rows, sorted, each with `key`, `anchor`, `chance`, and the intervals
        of its accuracy and of its configuration's mean, added."""
        rows = records(self.tables["cells"])
        rows.sort(key=self._order)
        for position, row in enumerate(rows, start=1):
            row["key"] = cell_key(row)
            row["anchor"] = f"cell-{position}"
            row["chance"] = self._chance(row)
            row["interval"] = self.interval(row, "accuracy")
            row["mean_interval"] = self.mean_interval(row)
        return [row for row in rows if self.only is None or row["key"] in self.only]

    def method_title(self, name: str) -> str:
        """A method of explanation, as the page names it."""
        titles = self.info.get("explanation_methods", {})
        return str(titles.get(name, name.replace("_", " ")))

    def interval(self, row: Row, metric: str, label: str = "") -> Interval | None:
        """The 95 % interval of a cell's metric, of one class or (label '') overall."""
        return self._intervals.get((*cell_key(row), label, metric))

    def mean_interval(self, row: Row, metric: str = "accuracy") -> Interval | None:
        """The same for the mean over the trainings of a cell's configuration; None where
        there is only one."""
        return self._intervals.get((*cell_key({**row, **dict.fromkeys(TRAININGS)}), "", metric))

    def covers_trainings(self, rows: Sequence[Row]) -> bool:
        """Whether the interval of the accuracy of `rows`, the cells of one configuration, covers
        other trainings too, and not only other test images."""
        key = cell_key({**rows[0], **dict.fromkeys(TRAININGS)})
        return len(rows) > 1 and self._covers.get(key) == TRAINED

    @cached_property
    def _covers(self) -> dict[CellKey, str]:
        frame = self.tables["intervals"]
        frame = frame[(frame["metric"] == "accuracy") & (frame["label"] == "")]
        return {cell_key(row): row["covers"] for row in records(frame)}

    @cached_property
    def _intervals(self) -> dict[CellKey, Interval]:
        rows = records(self.tables["intervals"])
        return {
            (*cell_key(row), row["label"], row["metric"]): Interval(row["low"], row["high"])
            for row in rows
            if row["low"] is not None
        }

    @cached_property
    def done(self) -> list[Row]:
        """The cells that have a test accuracy."""
        return [row for row in self.cells if row["state"] == "done" and row["accuracy"] is not None]

    @cached_property
    def split_policies(self) -> dict[str, SplitPolicy]:
        """Its split policies by name as run.json describes them, the most trustworthy first."""
        return split_policies(self.info)

    def split_policy(self, name: str) -> SplitPolicy:
        """The description of a split policy; without details if run.json has none."""
        return self.split_policies.get(name, SplitPolicy(name))

    @cached_property
    def policies(self) -> list[str]:
        return _distinct(row["split_policy"] for row in self.cells)

    @cached_property
    def scenarios(self) -> list[str]:
        return sorted({row["scenario"] for row in self.cells}, key=self._scenario_order)

    @cached_property
    def augmentations(self) -> list[str]:
        """Those of the cells, `none` first."""
        pairs = {(bool(row["augmented"]), row["augmentation"]) for row in self.cells}
        return [name for _, name in sorted(pairs)]

    @cached_property
    def backbones(self) -> list[str]:
        return sorted({row["backbone"] for row in self.cells}, key=self._backbone_order)

    @cached_property
    def strategies(self) -> list[str]:
        """Those of the cells, in the page's order."""
        found = {str(row["strategy"]) for row in self.cells}
        return sorted(found, key=lambda name: _position(_STRATEGIES, name))

    @cached_property
    def candidates(self) -> dict[str, list[Row]]:
        """What trials tried by themselves, by trial: see the table `candidates`."""
        frame = self.tables["candidates"].sort_values(["trial", "candidate"])
        return {str(key): records(own) for key, own in frame.groupby("trial", sort=False)}

    @cached_property
    def repeated(self) -> dict[str, list[int]]:
        """The columns of `TRAININGS` in which the cells differ, with their values in order."""
        found = {name: sorted({int(row[name]) for row in self.cells}) for name in TRAININGS}
        return {name: values for name, values in found.items() if len(values) > 1}

    @cached_property
    def configurations(self) -> list[list[Row]]:
        """The cells by configuration: those in one group differ only in seed, repeat and fold."""
        groups = groupby(self.cells, key=lambda row: self._order(row)[: -len(TRAININGS)])
        return [list(rows) for _, rows in groups]

    @property
    def metric(self) -> Deciding:
        """What validation decides by."""
        return DECIDING[self.info.get("metric", "accuracy")]

    @property
    def metrics(self) -> list[Deciding]:
        """What `effects` and `comparisons` are measured by: the run's metric, and accuracy."""
        return list(dict.fromkeys([self.metric, DECIDING["accuracy"]]))

    def measured(self, table: str, metric: str = "accuracy") -> list[Row]:
        """The rows of `effects` or `comparisons` that are measured by a metric."""
        frame = self.tables[table]
        return records(frame[frame["metric"] == metric])

    @cached_property
    def hyperparameters(self) -> dict[str, str]:
        """The hyperparameters in which trials differ: column of `cells`, `trials` -> title."""
        trials = self.tables["trials"]
        titles: dict[str, str] = self.info.get("hyperparameters", {})
        return {k: title for k, title in titles.items() if trials[k].nunique(dropna=True) > 1}

    def classes(self, scenario: str) -> list[str]:
        """The scenario's class names in order; empty if run.json does not list it."""
        return list(self.info.get("scenarios", {}).get(scenario, []))

    def random_backbones(self) -> list[str]:
        """Backbones with random weights, whose results say nothing about pretrained networks."""
        about = self.info.get("backbones", {})
        return [name for name in self.backbones if about.get(name, {}).get("random")]

    def grouped(self, table: str) -> dict[CellKey, pd.DataFrame]:
        """The rows of `table` by cell."""
        groups = self.tables[table].groupby(list(CELL), sort=False, dropna=False)
        return {tuple(key): frame for key, frame in groups}

    @cached_property
    def _largest_class(self) -> dict[CellKey, float]:
        frame = self.tables["confusion"]
        totals = frame.groupby([*CELL, "label"])["count"].sum()
        cells = totals.groupby(level=list(CELL))
        shares = cells.max() / cells.sum().clip(lower=1)
        return {tuple(key): float(share) for key, share in shares.items()}  # type: ignore[arg-type]

    def _chance(self, row: Row) -> float:
        """Accuracy of always predicting the test set's most frequent class, or 1 / classes."""
        uniform = 1 / max(1, len(self.classes(row["scenario"])))
        return self._largest_class.get(cell_key(row), uniform)

    def _order(self, row: Row) -> tuple[Any, ...]:
        return (
            _position(tuple(self.split_policies), row["split_policy"]),
            self._scenario_order(row["scenario"]),
            _position(_STRATEGIES, row["strategy"]),
            (row["augmented"], row["augmentation"]),
            training_choices(row),
            self._backbone_order(row["backbone"]),
            row["weights"],
            *(row[name] for name in TRAININGS),
        )

    def _scenario_order(self, name: str) -> tuple[int, str]:
        return _position(tuple(self.info.get("scenarios", {})), name)

    def _backbone_order(self, name: str) -> tuple[int, str]:
        return _position(tuple(self.info.get("backbones", {})), name)


def load_run(run_dir: Path) -> Run:
    """Read `<run_dir>/results`. Raises FileNotFoundError if it holds no run.json."""
    return load_run_tables(run_dir, tuple(SCHEMAS))


def load_run_tables(run_dir: Path, names: Iterable[str]) -> Run:
    """The same with only these tables."""
    folder = run_dir / "results"
    info = folder / "run.json"
    if not info.exists():
        raise FileNotFoundError(f"{info}: a run folder has results/run.json")
    tables = read_tables(folder, {name: SCHEMAS[name] for name in names})
    return Run(json.loads(info.read_text(encoding="utf-8")), tables)


def cell_key(row: Row) -> CellKey:
    """The name of a cell: its values of `CELL`."""
    return tuple(row[name] for name in CELL)


def training_of(row: Row) -> CellKey:
    """The training that a cell stands for: its values of `TRAININGS`."""
    return tuple(row[name] for name in TRAININGS)


def interval_of(row: Row) -> Interval | None:
    """The 95 % interval of a cell's test accuracy, if it has one. Without stored predictions, it is
    Wilson's interval for independent test rows."""
    if row["interval"] is not None or row["accuracy"] is None or not row["n_test"]:
        found: Interval | None = row["interval"]
        return found
    return accuracy_interval(row["accuracy"], int(row["n_test"]))


def counts_of(confusion: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Test rows by (label, predicted), of a cell's rows of the table `confusion`."""
    rows = records(confusion)
    return {(row["label"], row["predicted"]): int(row["count"]) for row in rows}


def optimism_of(row: Row) -> float | None:
    """Validation minus test accuracy of a cell's champion, if it has both."""
    if row["val_accuracy"] is None or row["accuracy"] is None:
        return None
    return float(row["val_accuracy"] - row["accuracy"])


def records(frame: pd.DataFrame) -> list[Row]:
    """The rows as dictionaries of Python's own types, with None for missing values."""
    names = [str(name) for name in frame.columns]
    columns = [[_plain(value) for value in frame[name].tolist()] for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value


def _position(order: tuple[str, ...], name: str) -> tuple[int, str]:
    return (order.index(name) if name in order else len(order), name)


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
