"""Two sets of trained models on the same test rows: is one better, or was it the images?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from reports.statistics.intervals import Interval


@dataclass(frozen=True)
class Paired:
    """How often one model is right more than another, and the chance of as much without a
    difference."""

    difference: float  # of the two accuracies
    interval: Interval
    p: float
    discordant: int  # rows that one of the two got right and the other wrong
    method: str


def compare_paired(first: np.ndarray, second: np.ndarray, groups: np.ndarray) -> Paired:
    """First minus second, exactly: McNemar's test where every row is a group of its own, else the
    sign-flip test over groups, of which McNemar's is the special case.

    Args:
        first, second: (n,) bool, right or not, on the same rows.
        groups: (n,) int.
    """
    n = len(first)
    wins, losses = int((first & ~second).sum()), int((~first & second).sum())
    _, group = np.unique(groups, return_inverse=True)
    net = np.bincount(group, first.astype(int) - second.astype(int)).astype(int)
    alone = len(net) == n
    p = _mcnemar_p(wins, losses) if alone else sign_flip_p(net)
    interval = _paired_interval(
        wins, losses, n, 1.0 if alone else _design_effect(net, group, wins + losses)
    )
    method = "McNemar, exact" if alone else "sign flips of groups, exact"
    return Paired((wins - losses) / n, interval, min(1.0, p), wins + losses, method)


def _mcnemar_p(wins: int, losses: int) -> float:
    from statsmodels.stats.contingency_tables import mcnemar  # takes a second

    return float(mcnemar([[0, wins], [losses, 0]], exact=True).pvalue)


def sign_flip_p(net: np.ndarray) -> float:
    """Two-sided p of the sum of whole numbers (one a group) if each sign were as likely as the
    other: the exact distribution, by convolution."""
    weights = np.ones(1)
    for size in np.abs(net[net != 0]):
        spread = np.zeros(len(weights) + 2 * size)
        spread[: len(weights)] += weights / 2
        spread[2 * size :] += weights / 2
        weights = spread
    sums = np.arange(len(weights)) - (len(weights) - 1) // 2
    return float(weights[np.abs(sums) >= abs(int(net.sum()))].sum())


def _design_effect(net: np.ndarray, group: np.ndarray, discordant: int) -> float:
    """The factor by which the mean of the net wins varies more than with independent rows, at least
    1. Where it does not vary at all, as if the rows of a group were identical."""
    sizes, n = np.bincount(group), len(group)
    mean = net.sum() / n
    apart = float(((net - mean * sizes) ** 2).sum()) * len(sizes) / max(1, len(sizes) - 1)
    if apart == 0:
        return float((sizes**2).sum() / n)
    return float(max(1.0, apart / n / (discordant / n - mean**2)))


def _paired_interval(wins: int, losses: int, n: int, design_effect: float) -> Interval:
    """95 % interval of a paired difference: Bonett and Price (2012), one row added to each of the
    discordant kinds, on the equivalent number of independent rows."""
    rows = n / design_effect
    a, b = ((count / design_effect + 1) / (rows + 2) for count in (wins, losses))
    half = float(special.ndtri(0.975)) * math.sqrt((a + b - (a - b) ** 2) / (rows + 2))
    return Interval(max(-1.0, a - b - half), min(1.0, a - b + half))
