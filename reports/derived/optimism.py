"""The table `optimism`: validation minus test accuracy of the champions, selected on validation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from reports.derived.tested import Tested
from reports.statistics.bootstrap import error_of
from reports.statistics.intervals import Error, Interval, difference_of

Row = dict[str, Any]


def optimism_rows(tested: Tested, tables: Mapping[str, pd.DataFrame]) -> list[Row]:
    """Validation minus test accuracy, the mean over the cells of each policy."""
    rows = []
    for policy in tested.policies():
        chosen = (tested.cells["split_policy"] == policy) & tested.cells["val_accuracy"].notna()
        cells = tested.subset(chosen.to_numpy())
        if len(cells.cells):
            rows.append(_row(cells, policy, _validated(tables, policy)))
    return rows


def _row(cells: Tested, policy: str, groups: int) -> Row:
    gaps = cells.cells["val_accuracy"].to_numpy(dtype=float) - cells.values
    interval = _interval(cells, float(gaps.mean()), groups)
    return {
        "split_policy": policy,
        "cells": len(gaps),
        "mean": float(gaps.mean()),
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
    }


def _interval(cells: Tested, mean: float, groups: int) -> Interval | None:
    """Test groups resampled in all cells at once; of validation no predictions are kept, so its
    error is that of one model on as many groups: as if all cells erred on the same ones."""
    draws = cells.draws.mean(axis=1)
    if np.isnan(draws).any() or not groups:
        return None
    accuracy = float(cells.cells["val_accuracy"].mean())
    test = error_of(draws, cells.groups)
    both = math.hypot(test.value, math.sqrt(accuracy * (1 - accuracy) / groups))
    return difference_of(mean, Error(both, test.degrees))


def _validated(tables: Mapping[str, pd.DataFrame], policy: str) -> int:
    """Groups in the validation parts."""
    splits, images = tables["splits"], tables["images"]
    own = (splits["split_policy"] == policy) & (splits["part"] == "val")
    group = dict(zip(images["image_id"], images["group"], strict=True))
    ids = splits.loc[own, "image_id"].drop_duplicates()
    return len({group.get(image_id, image_id) for image_id in ids})
