"""Many questions asked at once: p-values that keep the chance of any false alarm at 5 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.statistics.intervals import Interval

LEVEL = 0.05


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction over one family, in the given order.

    As `statsmodels.stats.multitest.multipletests(method="holm")`, which collects garbage each time
    it is called: with the tables of 60 cells in memory that is 0.3 s a family.
    """
    given = np.asarray(p_values, dtype=float)
    order = np.argsort(given, kind="stable")
    left = len(given) - np.arange(len(given))  # hypotheses not yet rejected at each step
    corrected = np.empty(len(given))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(left * given[order]))
    return [float(p) for p in corrected]


@dataclass(frozen=True)
class Told:
    """What a reader may conclude of one difference: by its own interval, and among all."""

    apart: bool  # from zero, after Holm's correction
    alone: bool  # the interval, which answers this one question only, leaves zero out

    @property
    def words(self) -> str:
        """'distinguishable', or that it is not; plainly so where the interval seems to deny it."""
        if self.apart:
            return "distinguishable"
        return "not distinguishable after Holm" if self.alone else "not distinguishable"


def told(p_holm: float | None, interval: Interval | None) -> Told:
    """`p_holm`: corrected; None where the difference was not tested."""
    apart = p_holm is not None and p_holm < LEVEL
    return Told(apart, interval is not None and 0.0 not in interval)
