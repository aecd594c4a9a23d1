"""The table `policies`: the accuracy of split policies over the cells that all of them have, and
its difference from the most trustworthy one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from reports.derived.tested import Tested
from reports.statistics.bootstrap import error_of
from reports.statistics.contrasts import Contrast, contrast, estimate
from reports.statistics.intervals import Interval, bounded_interval, share_interval

Row = dict[str, Any]
ALL, AUGMENTED = "all", "augmented"
"""Which cells are compared: all, or those of any augmentation; or those of one, by its name."""


def compared_name(policies: Sequence[str]) -> str:
    """The name of a set of policies in the table `policies`: 'grouped+pooled'."""
    return "+".join(policies)


def policy_rows(tested: Tested, tables: Mapping[str, pd.DataFrame]) -> list[Row]:
    """Of all policies of the run together, and of every two of them."""
    every = tuple(tested.policies())
    sets = dict.fromkeys([every, *((one,) for one in every), *combinations(every, 2)])
    rows = []
    for scope in (ALL, AUGMENTED, *sorted(set(tested.cells["augmentation"]))):
        cells = tested.subset(_in_scope(tested.cells, scope))
        for policies in sets:
            rows += _of_set(cells, tables, scope, policies)
    return rows


def _of_set(
    tested: Tested, tables: Mapping[str, pd.DataFrame], scope: str, policies: Sequence[str]
) -> list[Row]:
    if not policies:
        return []
    # a contrast with all policies, so that only cells done under each of them are matched
    base: dict[object, float] = dict.fromkeys(policies, 0.0)
    rows = []
    for policy in policies:
        own = contrast(tested.cells, {"split_policy": {**base, policy: 1.0}})
        if not own.pairs:
            return []
        signs = {**base, policy: 1.0, policies[0]: -1.0} if policy != policies[0] else base
        other = contrast(tested.cells, {"split_policy": signs})
        difference = estimate(other, tested.values, tested.draws, tested.groups)
        interval = difference.interval if policy != policies[0] else None
        mean, own_interval = _mean(tested, own)
        rows.append(
            {
                "compared": compared_name(policies),
                "cells": scope,
                "split_policy": policy,
                "reference": policies[0],
                "pairs": own.pairs,
                "pictures": _pictures(tables, policy, own, scope),
                "mean": mean,
                "low": own_interval.low if own_interval else None,
                "high": own_interval.high if own_interval else None,
                "difference": difference.mean,
                "difference_low": interval.low if interval else None,
                "difference_high": interval.high if interval else None,
            }
        )
    return rows


def _in_scope(rows: pd.DataFrame, scope: str) -> np.ndarray:
    """Which rows of a table belong to a scope, (rows,) bool."""
    if scope == ALL:
        return np.ones(len(rows), dtype=bool)
    if scope == AUGMENTED:
        return rows["augmented"].to_numpy(dtype=bool)
    return np.asarray(rows["augmentation"] == scope)


def _mean(tested: Tested, own: Contrast) -> tuple[float, Interval | None]:
    """The mean accuracy, and its interval over drawings of the test groups."""
    mean = float(own.per_block(tested.values).mean())
    draws = own.per_block(tested.draws).mean(axis=1)
    if np.isnan(draws).any():
        return mean, None
    if not 0 < mean < 1:
        return mean, share_interval(mean, tested.groups)
    return mean, bounded_interval(mean, error_of(draws, tested.groups))


def _pictures(tables: Mapping[str, pd.DataFrame], policy: str, own: Contrast, scope: str) -> int:
    """Groups of images in the test parts of a policy."""
    splits, images = tables["splits"], tables["images"]
    tested = (splits["split_policy"] == policy) & (splits["part"] == "test")
    tested &= splits["scenario"].isin(set(own.matches["scenario"]))
    tested &= _in_scope(splits, scope)
    ids = splits.loc[tested, "image_id"].drop_duplicates()
    group = dict(zip(images["image_id"], images["group"], strict=True))
    return len({group.get(image_id, image_id) for image_id in ids})
