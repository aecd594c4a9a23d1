"""Multiple comparisons: p-values that keep the chance of any false positive at 5 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
class Conclusion:
    """The conclusion from one difference: by itself, and within its family."""

    tested: bool
    significant: bool  # after Holm's correction
    significant_uncorrected: bool

    @property
    def words(self) -> str:
        """The correction is named where it alone makes the difference."""
        if not self.tested:
            return "not tested"
        if self.significant:
            return "significant"
        return "not significant after Holm" if self.significant_uncorrected else "not significant"


def conclusion(p: float | None, p_holm: float | None) -> Conclusion:
    """From the p-value before and after Holm's correction; None where nothing was tested."""
    if p is None or p_holm is None:
        return Conclusion(False, False, False)
    return Conclusion(True, p_holm < LEVEL, p < LEVEL)
