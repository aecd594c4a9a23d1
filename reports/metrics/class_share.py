"""Precision, recall and F1 of one class: shares of the rows predicted as it, labelled as it, and,
through the Jaccard index, either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from reports.statistics.intervals import Interval, clustered_share_interval, share_interval
from reports.statistics.panel import Numbers, Panel

if TYPE_CHECKING:
    from reports.metrics.measured import Mean, Measured, Name

WILSON, CLUSTERED = "Wilson", "Wilson, groups"


def _itself(value: float) -> float:
    return value


@dataclass(frozen=True)
class ClassShare:
    """A metric of one class that is a share of rows, or a rising function of one.

    `whole`: correct, labelled and predicted rows of the class -> the rows that the correct ones
    are a share of. `score`: the metric from that share.
    """

    whole: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    score: Callable[[float], float] = _itself

    def numbers(self, panel: Panel, number: int) -> Numbers:
        counts = [panel.counts(cell, number) for cell in range(len(panel.sums))]
        return panel.shares([one[0] for one in counts], [self.whole(*one) for one in counts])

    def measured(self, mean: Mean, number: int, name: Name) -> Measured:
        """Over the cells in which it exists."""
        values = mean.metrics.numbers[name].values
        known = [i for i in mean.own if not np.isnan(values[i])]
        if not known:
            return mean.measured(name, None, None, "", 0)
        shares = values[known]
        wholes = [self.whole(*mean.metrics.panel.counts(i, number)) for i in known]
        interval, method, units = interval_of_share(replace(mean, own=known), name, wholes)
        value = float(np.mean([self.score(one) for one in shares]))
        ends = Interval(self.score(interval.low), self.score(interval.high))
        return mean.measured(name, value, ends, method, units)


def interval_of_share(
    mean: Mean, name: Name, wholes: Sequence[np.ndarray]
) -> tuple[Interval, str, int]:
    """Of a share that exists in all cells of the mean, with its method and the groups that it rests
    on. `wholes`: what it is a share of, (groups,) rows for each of the cells."""
    share = mean.value(name)
    rows = float(sum(one.sum() for one in wholes))
    units = int(np.any([one > 0 for one in wholes], axis=0).sum())
    if mean.rows_are_independent(name):
        return share_interval(share, rows), WILSON, units
    error = mean.error(name)
    return clustered_share_interval(share, error, rows, units), CLUSTERED, units
