"""Detect columns of metadata that predict the class: a network may learn the site in their place.

A column is measured by Cramer's V with the bias correction of Bergsma (2013), on one image of each
group, and tested by permuting it among the groups, with Holm's (1979) correction over the columns.
A missing value is a level of its own, since that a value is missing may tell the class too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LEAST_ASSOCIATION = 0.3  # Cramer's V from which a column is a finding
_LEVEL = 0.05
_PERMUTATIONS = 1999
_FOLDS = 5

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Association:
    """How a column goes with the class.

    Attributes:
        column: its name.
        v: Cramer's V, bias corrected, 0..1.
        p: of no association, corrected over all columns.
        accuracy: share of groups whose class the column alone predicts, cross-validated.
        majority: the share of the most frequent class.
        example: the level that goes with one class most, that class, and its share of the level.
    """

    column: str
    v: float
    p: float
    accuracy: float
    majority: float
    example: tuple[str, str, float]

    @property
    def is_confounder(self) -> bool:
        return self.v >= LEAST_ASSOCIATION and self.p < _LEVEL


def associations(images: pd.DataFrame, metadata: pd.DataFrame) -> list[Association]:
    """Measure every column of metadata that has two levels or more, the strongest first.

    Args:
        images: image_id, class, group.
        metadata: as `metadata.table.Metadata.rows`.
    """
    first = images.sort_values("image_id").drop_duplicates("group")
    classes = pd.Series(first["class"].to_numpy(), index=first["image_id"])
    found = list(_measured(classes, metadata)) if classes.nunique() > 1 else []
    corrected = _holm([one.p for one in found])
    ranked = [
        Association(one.column, one.v, p, one.accuracy, one.majority, one.example)
        for one, p in zip(found, corrected, strict=True)
    ]
    return sorted(ranked, key=lambda one: (-one.v, one.column))


def _measured(classes: pd.Series, metadata: pd.DataFrame) -> Iterator[Association]:
    for column, rows in metadata.groupby("column"):
        levels = rows.set_index("image_id")["level"].reindex(classes.index)
        codes, names = pd.factorize(levels, sort=True)
        labels, class_names = pd.factorize(classes, sort=True)
        if len(names) < 2:
            continue
        counts = _counts(codes, labels)
        v = cramers_v(counts)
        rng = np.random.default_rng(0)
        drawn = [cramers_v(_counts(rng.permutation(codes), labels)) for _ in range(_PERMUTATIONS)]
        p = (1 + sum(one >= v for one in drawn)) / (1 + _PERMUTATIONS)
        yield Association(
            str(column),
            v,
            p if v > 0 else 1.0,
            _accuracy(codes, labels),
            float(counts.sum(axis=0).max() / counts.sum()),
            _example(counts, list(names), list(class_names)),
        )


def cramers_v(counts: NDArray[np.int64]) -> float:
    """Cramer's V of a table of counts, bias corrected (Bergsma 2013, Eqs. 5-7); 0 for one row or
    column."""
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    rows, columns = counts.shape
    n = counts.sum()
    if min(rows, columns) < 2 or n < 2:
        return 0.0
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / n
    squared = float(((counts - expected) ** 2 / expected).sum() / n)
    corrected = max(0.0, squared - (rows - 1) * (columns - 1) / (n - 1))
    least = min(side - (side - 1) ** 2 / (n - 1) for side in (rows, columns)) - 1
    return float(np.sqrt(corrected / least)) if least > 0 else 0.0


def _counts(codes: Codes, labels: Codes) -> NDArray[np.int64]:
    """(levels, classes)."""
    width = int(labels.max()) + 1
    cells = np.bincount(codes * width + labels, minlength=(int(codes.max()) + 1) * width)
    return np.asarray(cells.reshape(-1, width))


def _accuracy(codes: Codes, labels: Codes) -> float:
    """Of predicting the class that is most frequent at a level, in groups not counted for it."""
    fold = np.random.default_rng(0).permutation(len(codes)) % _FOLDS
    counts = _counts(codes, labels)
    right = 0
    for one in range(_FOLDS):
        inside = fold == one
        others = counts.copy()
        np.subtract.at(others, (codes[inside], labels[inside]), 1)
        predicted = np.where(others.sum(axis=1) > 0, others.argmax(axis=1), others.sum(0).argmax())
        right += int((predicted[codes[inside]] == labels[inside]).sum())
    return right / len(codes)


def _example(
    counts: NDArray[np.int64], levels: list[str], classes: list[str]
) -> tuple[str, str, float]:
    """Of the levels, the one that moves most images away from the mixture of all classes."""
    rows = counts.sum(axis=1, keepdims=True)
    excess = counts - rows * counts.sum(axis=0) / counts.sum()
    level, one = np.unravel_index(int(excess.argmax()), counts.shape)
    share = float(counts[level, one] / rows[level, 0])
    return levels[int(level)] or "missing", classes[int(one)], share


def _holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction, in the given order."""
    order = np.argsort(p_values, kind="stable")
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = highest
    return corrected
