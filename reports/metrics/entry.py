"""A metric of the test set: its column, how it is computed, and how the report shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reports.statistics.measures import Measure
from reports.statistics.outcomes import Outcomes
from reports.statistics.panel import Numbers, Panel

if TYPE_CHECKING:
    from reports.metrics.measured import Mean, Measured

IntervalRule = Callable[["Mean", str], "Measured"]
"""The interval of a metric of all rows (named by its column), of a mean over trainings. None of a
rule's choices is free: docs/explanation/statistics.md has the coverage measured for each."""


class OverRows(Protocol):
    """A metric of all rows."""

    def of(self, outcomes: Outcomes) -> float:
        """The metric of one cell; NaN where it does not exist."""

    def numbers(self, panel: Panel) -> Numbers:
        """The metric of each cell of a panel, with its draws."""


class OverOneClass(Protocol):
    """A metric of one class against the others."""

    def numbers(self, panel: Panel, number: int) -> Numbers:
        """The metric of class `number` in each cell of a panel, with its draws."""

    def measured(self, mean: Mean, number: int, name: tuple[str, str]) -> Measured:
        """The metric of class `number` with its interval; `name`: class and column."""


@dataclass(frozen=True)
class OfSums:
    """A metric that is a function of sums over rows: nearly every one is."""

    measure: Measure

    def of(self, outcomes: Outcomes) -> float:
        return self.measure.of(outcomes)

    def numbers(self, panel: Panel) -> Numbers:
        return panel.overall(self.measure)


@dataclass(frozen=True)
class Metric:
    """One metric of the test set.

    Attributes:
        name: its column of the table `cells`; `name` of the table `intervals`.
        title: what the page calls it.
        remark: how it is averaged, in a few words.
        meaning: what docs/reference/tables.md says of it.
        function: how it is computed.
        interval: how its 95 % interval is computed; None: it has none.
        of_class: the same metric of one class, if there is one.
        higher_is_better: its direction.
        unit: of its column, for docs/reference/tables.md: '0..1', 'nats'.
        percent: whether the page shows it in percent.
        calibration: whether it is one of the scores of the probabilities, which a cell's entry
            lists beside the reliability diagrams and not among the test metrics.
        scaled: whether `cells` also has it at the fitted temperature, as `<name>_scaled`.
        listed: whether the table of all cells shows it.
        exported: whether the CSV and LaTeX tables show it.
        decides: whether validation may decide by it (`metric` of a configuration).
    """

    name: str
    title: str
    remark: str
    meaning: str
    function: OverRows
    interval: IntervalRule | None = None
    of_class: OverOneClass | None = None
    higher_is_better: bool = True
    unit: str = "0..1"
    percent: bool = True
    calibration: bool = False
    scaled: bool = False
    listed: bool = False
    exported: bool = False
    decides: bool = True
