"""What the columns of a published table are: `F1 score`, `f1-score` and `f1` are one metric.

A header is taken for a metric only where its words say nothing else: `Test acc. (%)` is the
accuracy, `balanced accuracy`, `val accuracy` and `average precision` are other numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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
_AVERAGE = {"average", "averaged", "avg", "mean"}
_ONE_CLASS = {"sensitivity", "sens", "tpr", "truepositiverate"}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NUMERIC = re.compile(r"[+-]?[.,]?\d")


class ColumnError(ValueError):
    """Two columns of one metric."""


@dataclass(frozen=True)
class Columns:
    """Which header holds which metric. `names`: metric or n_test -> header."""

    names: dict[str, str]
    in_percent: frozenset[str] = frozenset()  # metrics whose header has a % sign
    recall_is_accuracy: bool = True  # whether its header lets recall be the mean weighted by size
    others: tuple[str, ...] = field(default=())

    def unchecked(self, rows: Sequence[Mapping[str, str]]) -> list[str]:
        """The other headers whose values are numbers: those of text name the row."""
        return [name for name in self.others if _is_numeric(row.get(name) or "" for row in rows)]


def read_columns(headers: Sequence[str]) -> Columns:
    """Raises ColumnError where two headers are taken for one metric and neither is its plain name.

    >>> read_columns(["model", "Acc. (%)", "F1-score"]).names
    {'accuracy': 'Acc. (%)', 'f1': 'F1-score'}
    """
    found: dict[str, list[str]] = {}
    for header in headers:
        if name := metric_of(header):
            found.setdefault(name, []).append(header)
    names = {name: _one(name, candidates) for name, candidates in found.items()}
    return Columns(
        names,
        frozenset(name for name, header in names.items() if "%" in header),
        not ({"macro", *_ONE_CLASS} & set(_words(names.get("recall", "")))),
        tuple(header for header in headers if header and header not in names.values()),
    )


def metric_of(header: str) -> str | None:
    """The metric, or n_test, that a header names; None for any other."""
    words = _words(header)
    drop = _QUALIFIERS | (_AVERAGE if _AVERAGES & set(words) else set())
    rest = "".join(word for word in words if word not in drop)
    if "test" in words and rest in _OF_TEST:
        return N_TEST
    return _METRIC_OF.get(rest)


def _words(header: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", _CAMEL.sub(" ", header).casefold())


def _one(name: str, headers: Sequence[str]) -> str:
    plain = [header for header in headers if header.strip().casefold() == name]
    chosen = plain or headers
    if len(chosen) > 1:
        named = " and ".join(f"'{header}'" for header in chosen)
        raise ColumnError(f"columns {named} are both taken for {name}; leave one out")
    return chosen[0]


def _is_numeric(values: Iterator[str]) -> bool:
    given = [value.strip() for value in values if value.strip()]
    return bool(given) and 2 * sum(bool(_NUMERIC.match(value)) for value in given) > len(given)
