"""How often the order of two accuracies is wrong, against what `check-table` prints.

Simulated without the formula: the truth is drawn, then the test images, and the claims that came
out the same are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reports.published.order import OVERLAPS, both_right, wrong_order_probability

SIZES = (66, 500)
"""Test images."""

_BINS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.51)


def uniform(rng: np.random.Generator, times: int) -> np.ndarray:
    """(times, 4) probabilities of both right, only first, only second, both wrong: every mixture
    alike, the prior of the formula."""
    drawn = rng.standard_exponential((times, 4))
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def close(rng: np.random.Generator, times: int, spread: float) -> np.ndarray:
    """The same for two models as papers compare: 60 to 97 % right, `spread` apart (standard
    deviation), and errors shared as in `OVERLAPS`."""
    level = rng.uniform(0.6, 0.97, times)
    first, second = (np.clip(level + rng.normal(0, spread / 2**0.5, times), 0, 1) for _ in "ab")
    overlap = rng.uniform(OVERLAPS[0], OVERLAPS[-1], times)
    both = first * second + overlap * (np.minimum(first, second) - first * second)
    rest = 1 - first - second + both
    return np.stack([both, first - both, second - both, rest], axis=1).clip(0)


WORLDS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "the formula's prior": uniform,
    "10 points apart": lambda rng, times: close(rng, times, 0.1),
    "5 points apart": lambda rng, times: close(rng, times, 0.05),
    "2 points apart": lambda rng, times: close(rng, times, 0.02),
}


def false_claims(name: str, n: int, times: int, seed: int = 0) -> list[dict[str, Any]]:
    """By bins of the printed probability, taken at the middle congruence: the mean of what was
    printed, and how often the better-looking model was in truth not the better one."""
    rng = np.random.default_rng([seed, n])
    truth = WORLDS[name](rng, times)
    counts = rng.multinomial(n, truth / truth.sum(axis=1, keepdims=True))
    right = counts[:, :1] + counts[:, 1:3]  # (times, 2)
    better = np.take_along_axis(truth[:, 1:3], right.argmax(axis=1)[:, None], axis=1)[:, 0]
    wrong = 2 * better <= truth[:, 1] + truth[:, 2]
    claimed = right[:, 0] != right[:, 1]
    printed = np.array([_printed(high, low, n) for low, high in np.sort(right[claimed], axis=1)])
    at = np.digitize(printed, _BINS)
    return [
        {
            "of": name,
            "n": n,
            "printed": f"{_BINS[place - 1]:.2f} to {min(0.5, _BINS[place]):.2f}",
            "claims": int((at == place).sum()),
            "mean": float(printed[at == place].mean()),
            "wrong": float(wrong[claimed][at == place].mean()),
        }
        for place in sorted(set(at.tolist()))
    ]


def congruent_claims(n: int, times: int, seed: int = 0) -> list[dict[str, Any]]:
    """The same where the congruence is known: for each outcome (first only, second only) of n
    images that came up often, how often the first model was in truth not better, and the formula's
    probability at that congruence."""
    rng = np.random.default_rng([seed, n])
    truth = uniform(rng, times)
    counts = rng.multinomial(n, truth)
    rows = []
    for only_first, only_second in sorted({tuple(own) for own in counts[:, 1:3].tolist()}):
        own = (counts[:, 1] == only_first) & (counts[:, 2] == only_second)
        if own.sum() < 1000 or only_first < only_second:
            continue
        both = counts[own, 0]
        wrong = truth[own, 1] <= truth[own, 2]
        rows.append(
            {
                "only first": only_first,
                "only second": only_second,
                "claims": int(own.sum()),
                "wrong": float(wrong.mean()),
                "formula": _at_congruence(only_first, only_second, int(np.median(both)), n),
            }
        )
    return rows


def _printed(first: int, second: int, n: int) -> float:
    return wrong_order_probability(first / n, second / n, n, OVERLAPS[1])


def _at_congruence(only_first: int, only_second: int, both: int, n: int) -> float:
    """The formula where `both` of n images are right with both models."""
    first, second = (both + only_first) / n, (both + only_second) / n
    least, most = (both_right(first, second, overlap) for overlap in (0, 1))
    overlap = (both / n - least) / (most - least) if most > least else 1.0
    return wrong_order_probability(first, second, n, overlap)
