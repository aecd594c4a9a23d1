"""Areas under the ROC and precision-recall curves: how well the probabilities order the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reports.metrics import rules
from reports.metrics.class_share import WILSON
from reports.metrics.entry import Metric
from reports.statistics import auroc, share_interval
from reports.statistics.auroc import Area
from reports.statistics.average_precision import average_precision
from reports.statistics.outcomes import Outcomes
from reports.statistics.panel import MeanArea, Numbers, Panel

if TYPE_CHECKING:
    from reports.metrics.measured import Mean, Measured, Name

_DELONG = "DeLong over groups, logit"


@dataclass(frozen=True)
class _MeanArea:
    """The mean over classes of one class against the rest."""

    mean: MeanArea

    def of(self, outcomes: Outcomes) -> float:
        areas = [auroc.one_vs_rest(outcomes, number) for number in range(outcomes.classes)]
        area = self.mean(outcomes, areas)
        return float("nan") if area is None else area.value

    def numbers(self, panel: Panel) -> Numbers:
        return panel.areas(panel.mean_areas(self.mean))

    def interval(self, mean: Mean, metric: str) -> Measured:
        panel = mean.metrics.panel
        return _measured(mean, ("", metric), panel.mean_areas(self.mean), panel.classes == 2)


class _AveragePrecision:
    """The unweighted mean over classes of one class against the rest."""

    def of(self, outcomes: Outcomes) -> float:
        return float(self._draws(outcomes, None)[0])

    def numbers(self, panel: Panel) -> Numbers:
        return panel.ranked(self._draws)

    @staticmethod
    def _draws(outcomes: Outcomes, weights: np.ndarray | None) -> np.ndarray:
        """NaN where a class has no rows."""
        found = [
            average_precision(outcomes.labels == k, outcomes.probabilities[:, k], weights)
            for k in range(outcomes.classes)
        ]
        return np.asarray(np.mean(found, axis=0))


class _ClassArea:
    """One class against the rest."""

    def numbers(self, panel: Panel, number: int) -> Numbers:
        return panel.areas(panel.class_areas[number])

    def measured(self, mean: Mean, number: int, name: Name) -> Measured:
        return _measured(mean, name, mean.metrics.panel.class_areas[number], True)


def _measured(mean: Mean, name: Name, areas: Sequence[Area | None], one_class: bool) -> Measured:
    """Where each of the cells has one."""
    found = [areas[i] for i in mean.own]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return mean.measured(name, None, None, "", 0)
    value, smaller = mean.value(name), min(one.smaller for one in known)
    if value in (0.0, 1.0):
        return mean.measured(name, value, share_interval(value, smaller), WILSON, mean.groups)
    # of one class against the rest: a class of nine groups says no more than nine groups do
    units = smaller if one_class else None
    interval = mean.bounded(name, mean.error(name, units))
    return mean.measured(name, value, interval, _DELONG, mean.groups)


_WEIGHTED, _UNWEIGHTED = _MeanArea(auroc.weighted), _MeanArea(auroc.unweighted)

RANKING: tuple[Metric, ...] = (
    Metric(
        name="auroc",
        title="AUROC",
        remark="one-vs-rest, weighted by class size",
        meaning="area under the ROC curve, one class against the rest, weighted by class size",
        function=_WEIGHTED,
        interval=_WEIGHTED.interval,
        of_class=_ClassArea(),
    ),
    Metric(
        name="macro_auroc",
        title="macro AUROC",
        remark="one-vs-rest, unweighted mean over classes",
        meaning="area under the ROC curve, one class against the rest, unweighted mean over "
        "classes",
        function=_UNWEIGHTED,
        interval=_UNWEIGHTED.interval,
    ),
    Metric(
        name="average_precision",
        title="average precision",
        remark="one-vs-rest, unweighted mean over classes",
        meaning="area under the precision-recall curve as average precision, one class against the "
        "rest, unweighted mean over classes",
        function=_AveragePrecision(),
        interval=rules.biased_bootstrap,
    ),
)
