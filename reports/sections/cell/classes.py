"""Each class of a cell against the rest: precision, recall, F1, and its ROC and PR curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from reports import wording
from reports.figures.roc import Line, unit_curves
from reports.statistics import Interval, wilson

_GRID = np.linspace(0.0, 1.0, 101)

Counts = Mapping[tuple[str, str], int]
IntervalOf = Callable[[str, str], Interval | None]  # of a metric and a class


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
    roc: Markup
    precision_recall: Markup
    caption: str


@dataclass(frozen=True)
class _Ranking:
    """The ranking by one class's probability, at each threshold from the highest."""

    name: str
    false_positives: np.ndarray  # share of the others' rows
    recall: np.ndarray  # the share of true positives
    precision: np.ndarray
    auroc: float
    average_precision: float


def classes_of(
    classes: Sequence[str], counts: Counts, predictions: pd.DataFrame, interval: IntervalOf
) -> Classes:
    """`counts`: test rows by (label, predicted). `predictions`: the cell's rows of that table.
    `interval`: what the run's table of intervals has of a metric of a class."""
    rankings = {one.name: one for one in _rankings(classes, predictions)}
    lines = [_line(name, classes, counts, rankings.get(name), interval) for name in classes]
    found = list(rankings.values())
    return Classes(
        lines=lines,
        roc=_roc(found) if found else Markup(""),
        precision_recall=_precision_recall(found) if found else Markup(""),
        caption=_caption(found, len(classes)) if found else "",
    )


def _line(
    name: str,
    classes: Sequence[str],
    counts: Counts,
    ranking: _Ranking | None,
    interval: IntervalOf,
) -> ClassLine:
    hits = counts.get((name, name), 0)
    support = sum(counts.get((name, other), 0) for other in classes)
    named = sum(counts.get((other, name), 0) for other in classes)
    recall_range = interval("recall", name) or (wilson(hits, support) if support else None)
    return ClassLine(
        name=name,
        support=support,
        precision=wording.percent(hits / named if named else None),
        precision_range=_range(interval("precision", name)),
        recall=wording.percent(hits / support if support else None),
        recall_range=_range(recall_range),
        f1=wording.percent(2 * hits / (support + named) if support + named else None),
        f1_range=_range(interval("f1", name)),
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
    return [
        _ranking(name, own, scores[:, index])
        for index, name in enumerate(classes)
        if 0 < (own := labels == name).sum() < len(labels)
    ]


def _ranking(name: str, own: np.ndarray, scores: np.ndarray) -> _Ranking:
    """As scikit-learn's `roc_curve`, `precision_recall_curve`, `roc_auc_score` and
    `average_precision_score` give (tests hold it to them), in one pass: a page has thousands."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # of each threshold's rows
    hits = np.cumsum(own[order])[ends]
    false_positives = np.append(0, ends + 1 - hits) / (len(own) - hits[-1])
    recall = np.append(0, hits) / hits[-1]
    precision = hits / (ends + 1)
    return _Ranking(
        name=name,
        false_positives=false_positives,
        recall=recall,
        precision=np.append(1.0, precision),
        auroc=float(np.trapezoid(recall, false_positives)),
        average_precision=float(np.sum(np.diff(recall) * precision)),
    )


def _roc(rankings: Sequence[_Ranking]) -> Markup:
    lines = [
        Line(f"{one.name}: AUC {wording.percent(one.auroc)} %", one.false_positives,
             one.recall)
        for one in rankings
    ]  # fmt: skip
    rates = [np.interp(_GRID, one.false_positives, one.recall) for one in rankings]
    mean = np.concatenate([[0.0], np.mean(rates, axis=0)])
    lines.append(Line("mean of the classes", np.concatenate([[0.0], _GRID]), mean, mean=True))
    return unit_curves(lines, "ROC curve of each class vs. the rest", diagonal=True)


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
    return unit_curves(lines, "Precision-recall curve of each class", diagonal=False)


def _caption(rankings: Sequence[_Ranking], classes: int) -> str:
    means = (
        f"Mean AUC {wording.percent(float(np.mean([one.auroc for one in rankings])))} %, mean "
        "average precision "
        f"{wording.percent(float(np.mean([one.average_precision for one in rankings])))} %"
    )
    left_out = classes - len(rankings)
    rest = f"; {wording.plural(left_out, 'class')} without test rows excluded" if left_out else ""
    return f"{means} (unweighted over classes){rest}."
