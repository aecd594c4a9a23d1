"""Recognise the columns of a published table: `F1 score`, `f1-score` and `f1` are one metric.

A header is taken for a metric only where its words say nothing else: `Test acc. (%)` is the
accuracy, `balanced accuracy`, `val accuracy` and `average precision` are other numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reports.published.consistency import METRICS, Rules
from reports.published.numbers import is_numeric

N_TEST = "n_test"
_SPELLINGS = {
    "accuracy": "accuracy acc oa top1 top1accuracy top1acc classificationaccuracy",
    "precision": "precision prec ppv positivepredictivevalue",
    "recall": "recall rec sensitivity sens tpr truepositiverate",
    "f1": "f1 fscore f1score fmeasure f1measure",
    N_TEST: "n",
}
_METRIC_OF = {word: name for name, words in _SPELLINGS.items() for word in words.split()}
_OF_TEST = {"images", "imgs", "size", "samples", "set", "setsize", "rows", "n", "nimages"}
_QUALIFIERS = {"test", "overall", "score", "weighted", "macro", "micro", "in", "percent", "pct"}
_AVERAGES = {"weighted", "macro", "micro"}  # beside one of them, `average` is no metric's name
_MEAN = {"average", "averaged", "avg", "mean"}
_ONE_CLASS = {"sensitivity", "sens", "tpr", "truepositiverate"}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class ColumnError(ValueError):
    """Two columns of one metric."""


@dataclass(frozen=True)
class Column:
    """A header that names a metric or n_test."""

    header: str
    metric: str
    average: str | None  # weighted, macro or micro, where the header says so
    is_mean: bool  # `Accuracy (mean)`: over several trainings, or over the classes

    @property
    def in_percent(self) -> bool:
        return "%" in self.header

    @property
    def is_of_one_class(self) -> bool:
        return bool(_ONE_CLASS & set(_words(self.header)))


@dataclass(frozen=True)
class Columns:
    """Which header holds which metric.

    Args:
        of: by metric, or n_test.
        average: how metrics are averaged over classes whose header does not say so.
        rivals: headers of a metric for which another column was taken.
        others: all headers that hold no metric, rivals included.
    """

    of: Mapping[str, Column]
    average: str
    rivals: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        """Metric or n_test -> header."""
        return {name: column.header for name, column in self.of.items()}

    def numeric(self, rows: Sequence[Mapping[str, str]]) -> list[str]:
        """The other headers whose values are numbers: those of text name the row."""
        return [
            name
            for name in self.others
            if name in self.rivals or _mostly_numbers(row.get(name) or "" for row in rows)
        ]

    @property
    def rules(self) -> Rules:
        """Which rules hold for numbers that are averaged as the headers say."""
        recall = self._recall_is_accuracy()
        third = "recall" if "recall" in self.of else "accuracy" if recall else ""
        kinds = {self._kind(name) for name in ("precision", third, "f1") if name in self.of}
        return Rules(recall, len(kinds) < 2)

    def notes(self) -> Iterator[str]:
        """Which rules do not hold because of what a header says."""
        rules, names = self.rules, self.names
        if not rules.recall and {"accuracy", "recall"} <= set(names) and self.average != "macro":
            yield (
                f"'{names['recall']}' is not compared with the accuracy: it is not the recall "
                "weighted by class size"
            )
        if not rules.f1 and "f1" in names:
            yield (
                f"'{names['f1']}' is not compared with precision and recall: they are averaged in "
                "different ways"
            )
        accuracy = self.of.get("accuracy")
        if accuracy and accuracy.is_mean:
            yield (
                f"'{accuracy.header}' may be a mean over several trainings, which need not be a "
                "whole number of n_test images"
            )

    def _recall_is_accuracy(self) -> bool:
        recall, accuracy = self.of.get("recall"), self.of.get("accuracy")
        if recall is None:
            return self.average != "macro"
        if recall.is_of_one_class or (accuracy and recall.is_mean and not accuracy.is_mean):
            return False  # a mean where the accuracy is none is a mean over classes
        return (recall.average or self.average) != "macro"

    def _kind(self, name: str) -> tuple[str, bool]:
        column = self.of[name]
        if name == "accuracy":
            return "weighted", column.is_mean
        return column.average or self.average, column.is_mean


def read_columns(headers: Sequence[str], average: str = "weighted") -> Columns:
    """The columns of a table.

    Args:
        average: weighted or macro: of two columns of one metric, the one that is averaged so is
            taken.

    Raises ColumnError where two are averaged in the same way and neither has the metric's plain
    name.

    >>> read_columns(["model", "Acc. (%)", "F1-score"]).names
    {'accuracy': 'Acc. (%)', 'f1': 'F1-score'}
    """
    found: dict[str, list[Column]] = {}
    for header in headers:
        if column := column_of(header):
            found.setdefault(column.metric, []).append(column)
    chosen = {name: _one(candidates, average) for name, candidates in found.items()}
    of = {name: column for name, column in chosen.items() if column}
    taken = {column.header for column in of.values()}
    rivals = [one.header for columns in found.values() for one in columns]
    return Columns(
        of,
        average,
        tuple(header for header in rivals if header not in taken),
        tuple(dict.fromkeys(header for header in headers if header not in taken)),
    )


def metric_of(header: str) -> str | None:
    """The metric, or n_test, that a header names; None for any other."""
    column = column_of(header)
    return column.metric if column else None


def column_of(header: str) -> Column | None:
    """What a header says of its column; None where it names no metric and not n_test."""
    words = _words(header)
    average = next((word for word in words if word in _AVERAGES), None)
    is_mean = average is None and len(words) > 1 and words[-1] in _MEAN
    drop = _QUALIFIERS | (_MEAN if average or is_mean else set())
    rest = [word for word in words if word not in drop]
    if is_mean and set(words[:-1]) & _MEAN:
        return None
    name = "".join(rest)
    metric = N_TEST if "test" in words and name in _OF_TEST else _METRIC_OF.get(name)
    if metric is None or (metric == "accuracy" and average in ("weighted", "macro")):
        return None  # accuracy averaged over classes is the balanced accuracy
    return Column(header, metric, average, is_mean)


def _words(header: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", _CAMEL.sub(" ", header).casefold())


def _one(columns: Sequence[Column], average: str) -> Column | None:
    """The column that is averaged as asked for, else the one that does not say how; None where all
    of several are averaged otherwise."""
    if len(columns) == 1:
        return columns[0]
    asked = [column for column in columns if column.average == average]
    silent = [column for column in columns if column.average is None]
    plain = [one for one in silent if one.header.strip().casefold() == one.metric]
    best = asked or plain or silent
    if len(best) > 1:
        named = " and ".join(f"'{column.header}'" for column in best)
        raise ColumnError(f"columns {named} are both taken for {best[0].metric}; leave one out")
    return best[0] if best else None


def _mostly_numbers(values: Iterable[str]) -> bool:
    given = [value.strip() for value in values if value.strip()]
    return bool(given) and 2 * sum(map(is_numeric, given)) > len(given)


def count_metrics(headers: Iterable[str]) -> int:
    """How many of the headers name a metric."""
    return sum(metric_of(header) in METRICS for header in headers)
