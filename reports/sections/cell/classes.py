"""Each class of a cell against the rest: precision, recall, F1, and its ROC and PR curves."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup
from sklearn import config_context
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

from reports import wording
from reports.figures.roc import Line, unit_curves
from reports.run import records
from reports.statistics import Interval, wilson

_GRID = np.linspace(0.0, 1.0, 101)

Counts = Mapping[tuple[str, str], int]
Intervals = Mapping[tuple[str, str], Interval]  # by class and metric


@dataclass(frozen=True)
class ClassLine:
    """One class; percent as text, with the interval where there is one."""

    name: str
    support: int
    precision: str
    precision_range: str
    recall: str
    recall_range: str
    f1: str
    f1_range: str
    auroc: str
    average_precision: str


@dataclass(frozen=True)
class Classes:
    """The table and both charts of one cell."""

    lines: list[ClassLine]
    has_ranges: bool  # of precision and F1
    roc: Markup
    precision_recall: Markup
    caption: str


@dataclass(frozen=True)
class _Ranking:
    """How well one class's probability puts its rows first."""

    name: str
    false_positives: np.ndarray
    true_positives: np.ndarray
    recall: np.ndarray  # rising
    precision: np.ndarray
    auroc: float
    average_precision: float


def build(
    classes: Sequence[str], counts: Counts, predictions: pd.DataFrame, intervals: Intervals
) -> Classes:
    """`counts`: test rows by (label, predicted). `predictions`: the cell's rows of that table."""
    rankings = {one.name: one for one in _rankings(classes, predictions)}
    lines = [_line(name, classes, counts, rankings.get(name), intervals) for name in classes]
    found = list(rankings.values())
    return Classes(
        lines=lines,
        has_ranges=any(line.precision_range or line.f1_range for line in lines),
        roc=_roc(found) if found else Markup(""),
        precision_recall=_precision_recall(found) if found else Markup(""),
        caption=_caption(found, len(classes)) if found else "",
    )


def intervals_by_class(rows: pd.DataFrame | None) -> Intervals:
    """The intervals of single classes among a cell's rows of the table `intervals`."""
    if rows is None:
        return {}
    return {
        (row["label"], row["metric"]): Interval(row["low"], row["high"])
        for row in records(rows)
        if row["label"] and row["low"] is not None
    }


def _line(
    name: str,
    classes: Sequence[str],
    counts: Counts,
    ranking: _Ranking | None,
    intervals: Intervals,
) -> ClassLine:
    hits = counts.get((name, name), 0)
    support = sum(counts.get((name, other), 0) for other in classes)
    named = sum(counts.get((other, name), 0) for other in classes)
    own = intervals.get((name, "recall"))
    recall_range = own or (wilson(hits, support) if support else None)
    return ClassLine(
        name=name,
        support=support,
        precision=wording.percent(hits / named if named else None),
        precision_range=_range(intervals.get((name, "precision"))),
        recall=wording.percent(hits / support if support else None),
        recall_range=_range(recall_range),
        f1=wording.percent(2 * hits / (support + named) if support + named else None),
        f1_range=_range(intervals.get((name, "f1"))),
        auroc=wording.percent(ranking.auroc if ranking else None),
        average_precision=wording.percent(ranking.average_precision if ranking else None),
    )


def _range(interval: Interval | None) -> str:
    return wording.percent_range(interval) if interval else ""


def _rankings(classes: Sequence[str], predictions: pd.DataFrame) -> list[_Ranking]:
    """Of every class that has test rows, and is not alone in having them."""
    if predictions.empty:
        return []
    labels = predictions["label"].to_numpy()
    scores = np.stack(predictions["probabilities"].to_list())  # (n, classes)
    with warnings.catch_warnings(), config_context(skip_parameter_validation=True):
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return [
            _ranking(name, own, scores[:, index])
            for index, name in enumerate(classes)
            if 0 < (own := labels == name).sum() < len(labels)
        ]


def _ranking(name: str, own: np.ndarray, scores: np.ndarray) -> _Ranking:
    false_positives, true_positives, _ = roc_curve(own, scores)
    precision, recall, _ = precision_recall_curve(own, scores)
    return _Ranking(
        name=name,
        false_positives=false_positives,
        true_positives=true_positives,
        recall=recall[::-1],
        precision=precision[::-1],
        auroc=float(auc(false_positives, true_positives)),
        average_precision=float(average_precision_score(own, scores)),
    )


def _roc(rankings: Sequence[_Ranking]) -> Markup:
    lines = [
        Line(f"{one.name}: AUC {wording.percent(one.auroc)} %", one.false_positives,
             one.true_positives)
        for one in rankings
    ]  # fmt: skip
    rates = [np.interp(_GRID, one.false_positives, one.true_positives) for one in rankings]
    mean = np.concatenate([[0.0], np.mean(rates, axis=0)])
    lines.append(Line("mean of the classes", np.concatenate([[0.0], _GRID]), mean, mean=True))
    return unit_curves(lines, "ROC curve of each class against the rest", diagonal=True)


def _precision_recall(rankings: Sequence[_Ranking]) -> Markup:
    """As steps: at a recall that no threshold gives, the precision of the next that one gives,
    which is what average precision sums."""
    lines = [
        Line(
            f"{one.name}: average precision {wording.percent(one.average_precision)} %",
            np.repeat(one.recall, 2)[:-1],
            np.repeat(one.precision, 2)[1:],
        )
        for one in rankings
    ]
    at_least = [
        one.precision[np.minimum(np.searchsorted(one.recall, _GRID), len(one.recall) - 1)]
        for one in rankings
    ]
    lines.append(Line("mean of the classes", _GRID, np.mean(at_least, axis=0), mean=True))
    return unit_curves(lines, "Precision by recall of each class", diagonal=False)


def _caption(rankings: Sequence[_Ranking], classes: int) -> str:
    means = (
        f"Mean AUC {wording.percent(float(np.mean([one.auroc for one in rankings])))} %, mean "
        "average precision "
        f"{wording.percent(float(np.mean([one.average_precision for one in rankings])))} %"
    )
    left_out = classes - len(rankings)
    rest = f"; {wording.plural(left_out, 'class')} without test rows left out" if left_out else ""
    return f"{means}, every class counting the same{rest}."
