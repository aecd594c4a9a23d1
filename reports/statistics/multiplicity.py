"""Many questions asked at once: p-values that keep the chance of any false alarm at 5 %."""

from __future__ import annotations

from collections.abc import Sequence

from statsmodels.stats.multitest import multipletests

LEVEL = 0.05


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction over one family, in the given order."""
    if not p_values:
        return []
    return [float(p) for p in multipletests(p_values, method="holm")[1]]
