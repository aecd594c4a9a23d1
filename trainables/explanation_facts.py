"""The titles of the methods of explanation, and what maps and their checks cost: without importing
torch, once it is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trainables.map_checks import MAX_STEPS
from trainables.remembered import remembered


def _pair(values: list[float]) -> tuple[float, float]:
    low, high = values
    return low, high


@remembered(dict)
def method_titles() -> dict[str, str]:
    """By the methods' names."""
    from trainables.explain import METHODS

    return {name: method.title for name, method in METHODS.items()}


@remembered(_pair)
def passes_of_map(method: str, max_steps: int, random_baselines: int) -> tuple[float, float]:
    """Forward passes that a map of a method costs, at least and at most."""
    from trainables.explain import METHODS

    return METHODS[method].passes(max_steps, random_baselines)


@remembered(bool)
def compares_baselines(method: str) -> bool:
    """Whether every baseline has a map of its own."""
    from trainables.explain import METHODS

    return METHODS[method].compares_baselines


@dataclass(frozen=True)
class CheckCosts:
    """Of the checks of one image: `maps` of each method, and for each map that is followed and each
    reference, forward `passes`."""

    maps: int
    passes: int
    references: int


def _costs(fields: dict[str, Any]) -> CheckCosts:
    return CheckCosts(**fields)


@remembered(_costs)
def check_costs() -> CheckCosts:
    from trainables.map_checks.faithfulness import PASSES, REFERENCES, WINDOWS
    from trainables.map_checks.randomisation import STAGES
    from trainables.map_checks.sensitivity import SAMPLES

    maps = 1 + len(STAGES) + 1 + SAMPLES  # trained, shuffled, disturbed
    return CheckCosts(maps, PASSES + 2 * WINDOWS, len(REFERENCES))


def passes_of_checked_map(method: str, random_baselines: int) -> tuple[float, float]:
    """The same as `passes_of_map` for a map that is compared with others."""
    return passes_of_map(method, MAX_STEPS, random_baselines)
