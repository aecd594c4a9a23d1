"""The area under the ROC curve: how well the probabilities order the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.metrics.class_share import WILSON
from reports.metrics.entry import Metric
from reports.statistics import auroc, share_interval
from reports.statistics.auroc import Area
from reports.statistics.outcomes import Outcomes
from reports.statistics.panel import Numbers, Panel

if TYPE_CHECKING:
    from reports.metrics.measured import Mean, Measured, Name

_DELONG = "DeLong over groups, logit"


class _WeightedArea:
    """One class against the rest, weighted by class size; of two classes the second's own."""

    def of(self, outcomes: Outcomes) -> float:
        areas = [auroc.one_vs_rest(outcomes, number) for number in range(outcomes.classes)]
        area = auroc.weighted(outcomes, areas)
        return float("nan") if area is None else area.value

    def numbers(self, panel: Panel) -> Numbers:
        return panel.areas(panel.weighted_areas)


class _ClassArea:
    """One class against the rest."""

    def numbers(self, panel: Panel, number: int) -> Numbers:
        return panel.areas(panel.class_areas[number])

    def measured(self, mean: Mean, number: int, name: Name) -> Measured:
        return _measured(mean, name, mean.metrics.panel.class_areas[number], True)


def _of_all_rows(mean: Mean, metric: str) -> Measured:
    panel = mean.metrics.panel
    return _measured(mean, ("", metric), panel.weighted_areas, panel.classes == 2)


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


RANKING: tuple[Metric, ...] = (
    Metric(
        name="auroc",
        title="AUROC",
        remark="one-vs-rest, weighted by class size",
        meaning="area under the ROC curve, one class against the rest, weighted by class size",
        function=_WeightedArea(),
        interval=_of_all_rows,
        of_class=_ClassArea(),
    ),
)
