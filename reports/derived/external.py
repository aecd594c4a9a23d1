"""The tables `external_metrics` and `drift`: a champion on external test sets, beside its own test
part, with and without copies of the images that it was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from reports.derived.tested import group_numbers
from reports.metrics import METRICS, SCALED, Metric
from reports.metrics.measured import Metrics
from reports.run import records
from reports.statistics.bootstrap import error_of
from reports.statistics.intervals import (
    Interval,
    hybrid_interval,
    p_of_interval,
    unbounded_interval,
)
from reports.statistics.outcomes import Outcomes, outcomes_of
from reports.statistics.panel import Panel
from reports.statistics.temperature import calibrated
from reports.statistics.training import Design
from reports.tables import CELL

Row = dict[str, Any]

ALL, NEW = "all", "new"
"""Subsets of a test set: all images, or those without a copy in training or validation."""

CLASS_MIX, CLASS, UNLIKE, FARTHER = "class mix", "class", "unlike", "farther"
"""Kinds of drift: the distance of the class shares, each share, the share of images unlike the
training images, and the probability that an external image is farther from them than a test one."""

_SEEN = ("train", "val")


def external_tables(
    tables: Mapping[str, pd.DataFrame], classes: Mapping[str, Sequence[str]]
) -> tuple[list[Row], list[Row]]:
    """The rows of both tables, of cells whose champion is still the one that was tested."""
    metrics: list[Row] = []
    drift: list[Row] = []
    external = tables["external"]
    if external.empty:
        return metrics, drift
    cells = {tuple(row[name] for name in CELL): row for row in records(tables["cells"])}
    for key, rows in external.groupby([*CELL, "test_set"], dropna=False, sort=False):
        cell = cells.get(tuple(key[:-1]))
        if cell is None or cell["champion"] != rows["champion"].iloc[0]:
            continue
        names = {**dict(zip(CELL, key, strict=False)), "test_set": key[-1]}
        own = _Own(cell, tables)
        rows = rows.sort_values("image_id", ignore_index=True)
        seen = rows["known_part"].isin(_SEEN)
        subsets = {ALL: rows} | ({NEW: rows[~seen]} if seen.any() and not seen.all() else {})
        for subset, frame in subsets.items():
            for row in _metric_rows(frame, own, classes[str(cell["scenario"])]):
                metrics.append({**names, "subset": subset, **row})
        drift += [{**names, **row} for row in _drift(rows[~seen], own, classes[cell["scenario"]])]
    return metrics, drift


@dataclass(frozen=True)
class _Own:
    """The cell's own test part."""

    cell: Row
    tables: Mapping[str, pd.DataFrame]

    def _of(self, table: str) -> pd.DataFrame:
        frame = self.tables[table]
        chosen = np.ones(len(frame), bool)
        for name in CELL:
            chosen &= (frame[name] == self.cell[name]).to_numpy()
        return frame[chosen]

    @property
    def intervals(self) -> dict[str, Row]:
        rows = records(self._of("intervals"))
        return {row["metric"]: row for row in rows if row["label"] == ""}

    @property
    def test(self) -> pd.DataFrame:
        """Its test images with label and group."""
        rows = self._of("predictions").drop_duplicates("image_id")
        return rows.assign(group=rows["image_id"].map(group_numbers(self.tables["images"])))

    @property
    def distances(self) -> pd.DataFrame:
        """distance and unlike of its test images, indexed by image_id."""
        return self._of("test_distances").set_index("image_id")[["distance", "unlike"]]


# --- metrics --------------------------------------------------------------------------------------


def _metric_rows(rows: pd.DataFrame, own: _Own, classes: Sequence[str]) -> Iterator[Row]:
    groups = {one: number for number, one in enumerate(sorted(set(rows["group"])))}
    group_of = {i: groups[g] for i, g in zip(rows["image_id"], rows["group"], strict=True)}
    plain = outcomes_of(rows, classes, group_of)
    scaled = calibrated(plain, own.cell["temperature"])
    inside = own.intervals
    for outcomes, metrics, suffix in ((plain, METRICS, ""), (scaled, SCALED, "_scaled")):
        for metric, value, interval in _measured(outcomes, metrics):
            name = f"{metric.name}{suffix}"
            yield {
                "metric": name,
                "value": value,
                **_ends(interval),
                "rows": len(outcomes.labels),
                "units": outcomes.clusters,
                **_compared(metric, value, interval, own.cell[name], inside.get(name)),
            }
    confidence = float(scaled.confidence.mean())
    yield {
        "metric": "confidence_scaled",
        "value": confidence,
        **_ends(None),
        "rows": len(plain.labels),
        "units": plain.clusters,
        **dict.fromkeys(_COMPARISON),
    }


_COMPARISON = (
    *("internal", "internal_low", "internal_high"),
    *("difference", "difference_low", "difference_high", "p"),
)


def _measured(
    outcomes: Outcomes, metrics: Sequence[Metric]
) -> Iterator[tuple[Metric, float | None, Interval | None]]:
    number = np.zeros(1, int)
    panel = Panel([outcomes], Design(number, number, number, number), "external")
    with_interval = {one.metric: one for one in Metrics(panel, [], metrics).measure([0], {})}
    for metric in metrics:
        if metric.interval:
            found = with_interval[metric.name]
            yield metric, found.value, found.interval
            continue
        numbers = metric.function.numbers(panel)
        value, units = float(numbers.values[0]), outcomes.clusters
        error = error_of(numbers.draws[:, 0], units)
        interval = unbounded_interval(value, error, numbers.low) if units > 1 else None
        yield metric, value, interval


def _compared(
    metric: Metric,
    value: float | None,
    interval: Interval | None,
    internal: float | None,
    inside: Row | None,
) -> Row:
    """The internal figure and the difference, by the intervals of both (MOVER; Newcombe 1998)."""
    row: Row = {**dict.fromkeys(_COMPARISON), "internal": internal}
    if inside is None or inside["low"] is None:
        return row
    row |= {"internal_low": inside["low"], "internal_high": inside["high"]}
    if value is None or interval is None or internal is None:
        return row
    ends = hybrid_interval(value, interval, internal, Interval(inside["low"], inside["high"]))
    return row | {
        "difference": value - internal,
        "difference_low": ends.low,
        "difference_high": ends.high,
        "p": p_of_interval(value - internal, ends),
    }


def _ends(interval: Interval | None) -> Row:
    return {"low": interval.low if interval else None, "high": interval.high if interval else None}


# --- drift ----------------------------------------------------------------------------------------


def _drift(rows: pd.DataFrame, own: _Own, classes: Sequence[str]) -> Iterator[Row]:
    if rows.empty:
        return
    test = own.test
    if len(test):
        yield from _class_drift(rows, test, classes)
    distances = own.distances
    if len(distances) and rows["distance"].notna().all():
        group = test.set_index("image_id")["group"].reindex(distances.index)
        yield from _feature_drift(rows, distances, group.to_numpy())


def _class_drift(rows: pd.DataFrame, test: pd.DataFrame, classes: Sequence[str]) -> Iterator[Row]:
    names = list(classes)
    shares = [
        frame["label"].value_counts(normalize=True).reindex(names, fill_value=0.0)
        for frame in (test, rows)
    ]
    counts = np.array(
        [
            frame.drop_duplicates("group")["label"].value_counts().reindex(names, fill_value=0)
            for frame in (test, rows)
        ]
    )
    counts = counts[:, counts.sum(axis=0) > 0]
    p = float(stats.chi2_contingency(counts).pvalue) if counts.shape[1] > 1 else 1.0
    apart = float((shares[0] - shares[1]).abs().sum() / 2)
    yield {"kind": CLASS_MIX, "class": "", "internal": None, "external": apart, "p": p}
    for name in names:
        internal, external = float(shares[0][name]), float(shares[1][name])
        yield {"kind": CLASS, "class": name, "internal": internal, "external": external, "p": None}


def _feature_drift(rows: pd.DataFrame, inside: pd.DataFrame, group: np.ndarray) -> Iterator[Row]:
    flagged = [float(one["unlike"].astype(float).mean()) for one in (inside, rows)]
    yield {"kind": UNLIKE, "class": "", "internal": flagged[0], "external": flagged[1], "p": None}
    here = rows.assign(distance=rows["distance"].astype(float)).groupby("group")["distance"].mean()
    there = inside["distance"].astype(float).groupby(group).mean()
    found = stats.mannwhitneyu(here, there)
    farther = float(found.statistic / (len(here) * len(there)))
    yield {
        "kind": FARTHER,
        "class": "",
        "internal": None,
        "external": farther,
        "p": float(found.pvalue),
    }
